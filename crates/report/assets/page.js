(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("js");

  function all(selector, within) {
    return Array.prototype.slice.call((within || document).querySelectorAll(selector));
  }

  // What an anchor leads to is unfolded, marked and brought into sight, without a jump where it is
  // in sight already.
  function show(id, moves) {
    var target = id && document.getElementById(id);
    if (!target) { return false; }
    all(".open").forEach(function (one) { one.classList.remove("open"); });
    target.classList.add("open");
    for (var at = target.parentElement; at; at = at.parentElement) {
      if (at.tagName === "DETAILS") { at.open = true; }
    }
    if (target.classList.contains("detail")) {
      all('.cell[href="#' + id + '"]').forEach(function (cell) { cell.classList.add("open"); });
    }
    if (moves) { target.scrollIntoView({ block: "nearest" }); }
    return true;
  }

  function idOf(link) {
    return decodeURIComponent(link.getAttribute("href").slice(1));
  }

  document.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest('a[href^="#"]');
    if (!link) { return; }
    var id = idOf(link);
    var target = document.getElementById(id);
    if (!target || target.hasAttribute("aria-labelledby")) { return; }
    event.preventDefault();
    show(id, true);
    history.replaceState(null, "", "#" + id);
  });
  window.addEventListener("hashchange", function () { show(location.hash.slice(1), true); });
  show(location.hash.slice(1), true);

  // A box of the map lights the lines that it takes part in.
  all(".map").forEach(function (map) {
    function pick(place) {
      map.classList.toggle("picked", place !== null);
      all(".edge", map).forEach(function (edge) {
        var own = edge.dataset.from === place || edge.dataset.to === place;
        edge.classList.toggle("on", place !== null && own);
      });
    }
    all(".box", map).forEach(function (box) {
      ["mouseenter", "focus"].forEach(function (name) {
        box.addEventListener(name, function () { pick(box.dataset.box); });
      });
      ["mouseleave", "blur"].forEach(function (name) {
        box.addEventListener(name, function () { pick(null); });
      });
    });
  });

  // A cell of the matrix lights the names of its row and column; arrow keys go from cell to cell.
  all("svg.heat").forEach(function (heat) {
    function light(cell) {
      all("text.label", heat).forEach(function (label) {
        var at = label.dataset.at;
        var on = cell && at === (label.classList.contains("row") ? cell.dataset.from : cell.dataset.to);
        label.classList.toggle("on", Boolean(on));
      });
    }
    all(".cell", heat).forEach(function (cell) {
      ["mouseenter", "focus"].forEach(function (name) {
        cell.addEventListener(name, function () { light(cell); });
      });
      ["mouseleave", "blur"].forEach(function (name) {
        cell.addEventListener(name, function () { light(null); });
      });
    });
    heat.addEventListener("keydown", function (event) {
      var steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
      var step = steps[event.key];
      var cell = event.target.closest(".cell");
      if (!step || !cell) { return; }
      event.preventDefault();
      var row = Number(cell.dataset.from);
      var column = Number(cell.dataset.to);
      for (var tries = 0; tries < 100; tries += 1) {
        row += step[0];
        column += step[1];
        var next = heat.querySelector('.cell[data-from="' + row + '"][data-to="' + column + '"]');
        if (next) { next.focus(); return; }
      }
    });
  });
}());

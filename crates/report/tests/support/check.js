// Returns what is wrong with the labels of the page's pictures, and whether it scrolls sideways.
var wrong = [];
Array.prototype.forEach.call(document.querySelectorAll("svg.map, svg.heat"), function (picture) {
  var frame = picture.getBoundingClientRect();
  var labels = Array.prototype.map.call(picture.querySelectorAll("text"), function (text) {
    var box = text.getBoundingClientRect();
    return { box: box, text: text.textContent.slice(0, 60) };
  }).filter(function (label) { return label.box.width > 0 && label.box.height > 0; });
  var slack = 0.5;
  labels.forEach(function (label) {
    if (label.box.left < frame.left - slack || label.box.right > frame.right + slack ||
        label.box.top < frame.top - slack || label.box.bottom > frame.bottom + slack) {
      wrong.push("cut: " + label.text);
    }
  });
  labels.sort(function (a, b) { return a.box.left - b.box.left; });
  for (var i = 0; i < labels.length; i += 1) {
    for (var j = i + 1; j < labels.length; j += 1) {
      var a = labels[i].box;
      var b = labels[j].box;
      if (b.left >= a.right - slack) { break; }
      if (a.top < b.bottom - slack && b.top < a.bottom - slack) {
        wrong.push("overlap: " + labels[i].text + " | " + labels[j].text);
      }
    }
  }
  Array.prototype.forEach.call(picture.querySelectorAll(".box"), function (box) {
    var edge = box.querySelector("rect").getBoundingClientRect();
    Array.prototype.forEach.call(box.querySelectorAll("text"), function (text) {
      var own = text.getBoundingClientRect();
      if (own.left < edge.left - slack || own.right > edge.right + slack || own.bottom > edge.bottom + slack) {
        wrong.push("outside of its box: " + text.textContent.slice(0, 60));
      }
    });
  });
});
if (document.documentElement.scrollWidth > window.innerWidth + 1) {
  wrong.push("the page scrolls sideways: " + document.documentElement.scrollWidth + " > " + window.innerWidth);
}
// Names in the text of chains and findings stay in their frames.
Array.prototype.forEach.call(document.querySelectorAll(".fact, .hop, .finding, .chain"), function (frame) {
  if (frame.scrollWidth > frame.clientWidth + 1) {
    wrong.push("runs over: " + frame.className + " " + frame.textContent.slice(0, 60));
  }
});
return wrong;

//! The page, opened in a headless chromium and clicked through: the shop, an empty estate, one with
//! hostile names, and one with 10,000 workloads.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

#[path = "support/estates.rs"]
mod estates;
#[path = "support/webdriver.rs"]
mod webdriver;

use std::fs;
use std::path::{Path, PathBuf};

use estates::Read;
use watertight_report::assessment;
use webdriver::Browser;

/// The most bytes that a page may have.
const PAGE_BYTES_MAX: usize = 5_000_000;

/// Whether there is a browser to test with. Root gets no excuse: the checks' tools install one.
fn has_browser() -> bool {
    if webdriver::is_installed() {
        return true;
    }
    assert!(!webdriver::is_root(), "chromium or chromedriver is missing; run .ci/tools");
    println!("skipped: browser tests, because chromium or chromedriver is missing");
    false
}

/// Writes a page to where it stays after the test, so that it can be looked at.
fn write(name: &str, read: &Read) -> PathBuf {
    let view = estates::assessed(read);
    let html = assessment::html(&view);
    assert!(html.len() <= PAGE_BYTES_MAX, "{} bytes", html.len());
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.html"));
    fs::write(&file, html).unwrap();
    file
}

/// Opens a page wide and narrow and looks for labels over each other, complaints and requests.
fn check(browser: &Browser, page: &Path) {
    for (width, height) in [(1400, 1000), (500, 900)] {
        browser.open(page, width, height);
        let wrong = browser.run(include_str!("support/check.js"));
        let wrong: Vec<&str> =
            wrong.as_array().unwrap().iter().filter_map(|one| one.as_str()).collect();
        assert!(
            wrong.is_empty(),
            "{width} wide: {} wrong, {:#?}",
            wrong.len(),
            &wrong[..wrong.len().min(20)]
        );
    }
    let requests = browser.requests();
    let own = format!("file://{}", page.display());
    assert!(requests.iter().all(|url| *url == own || url.starts_with("data:")), "{requests:?}");
    assert_eq!(browser.console(), Vec::<String>::new());
}

fn is_visible(browser: &Browser, selector: &str) -> bool {
    let script = format!(
        "var e = document.querySelector({selector:?}); if (!e) return false; \
         var b = e.getBoundingClientRect(); \
         return b.width > 0 && b.height > 0 && b.bottom > 0 && b.top < window.innerHeight;"
    );
    browser.run(&script).as_bool().unwrap()
}

#[test]
fn the_shop_is_clicked_through() {
    if !has_browser() {
        return;
    }
    let browser = Browser::start(false);
    let page = write("shop", &estates::shop());
    check(&browser, &page);
    browser.open(&page, 1400, 1000);

    // A cell of the matrix shows the flows of its two segments.
    let cell = "svg.heat a.cell:has(rect.h1)";
    let text = |script: &str| browser.run(script).as_str().unwrap_or_default().to_owned();
    let id =
        text(&format!("return document.querySelector({cell:?}).getAttribute('href').slice(1)"));
    assert!(!is_visible(&browser, &format!("#{id}")));
    browser.click(cell);
    assert!(is_visible(&browser, &format!("#{id}")), "{id}");
    assert!(is_visible(&browser, &format!("#{id} tbody code")), "{id}");
    let heading = text(&format!("return document.querySelector('#{id} h3').textContent"));
    let label =
        text(&format!("return document.querySelector({cell:?}).getAttribute('aria-label')"));
    let both: Vec<&str> = heading.split(" \u{2192} ").collect();
    assert!(label.starts_with(&format!("{} to {}:", both[0], both[1])), "{heading} | {label}");
    let visible = "return Array.from(document.querySelectorAll('.detail')).filter(e => e.offsetHeight > 0).length";
    assert_eq!(browser.run(visible), 1);
    browser.click(
        "svg.heat a.cell:has(rect.h2), svg.heat a.cell:has(rect.h3), svg.heat a.cell:has(rect.h4)",
    );
    assert_eq!(browser.run(visible), 1);

    // A chain unfolds its evidence, hop by hop.
    assert!(!is_visible(&browser, ".chain .hops"));
    browser.click(".chain .why summary");
    let hops = browser.run(
        "return document.querySelectorAll('.chain .picture')[0].querySelectorAll('.hop').length",
    );
    let told = browser.run("return document.querySelectorAll('.chain .hops')[0].children.length");
    assert_eq!(hops, told);
    let high =
        browser.run("return document.querySelector('.chain .hops .evidence code').offsetHeight");
    assert!(high.as_i64().unwrap() > 0);

    // A finding leads to its chain, also to one that is folded away.
    let link = ".finding .links a[href^='#way-']";
    let chain = text(&format!("return document.querySelector({link:?}).getAttribute('href')"));
    browser.click(link);
    assert!(is_visible(&browser, &chain), "{chain}");
    browser.click(".finding details summary");
    assert!(is_visible(&browser, ".finding details[open] .evidence li"));
    assert!(!is_visible(&browser, "#chain-90"));
    browser.run("location.hash = '#chain-90'; return new Promise(requestAnimationFrame)");
    assert!(is_visible(&browser, "#chain-90"));
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn every_anchor_of_the_shop_leads_somewhere() {
    if !has_browser() {
        return;
    }
    let browser = Browser::start(true);
    let page = write("shop-dark", &estates::shop());
    check(&browser, &page);
    let lost = browser.run(
        "return Array.from(document.querySelectorAll('a[href]')).map(a => a.getAttribute('href'))\
         .filter(h => h[0] !== '#' || !document.getElementById(h.slice(1)))",
    );
    assert_eq!(lost, serde_json::json!([]));
    let twice = browser.run(
        "var seen = {}; return Array.from(document.querySelectorAll('[id]')).map(e => e.id)\
         .filter(id => { var was = seen[id]; seen[id] = true; return was; })",
    );
    assert_eq!(twice, serde_json::json!([]));
}

#[test]
fn an_empty_estate_is_shown() {
    if !has_browser() {
        return;
    }
    let browser = Browser::start(false);
    let page = write("empty", &estates::empty());
    check(&browser, &page);
    assert!(is_visible(&browser, "h1"));
}

#[test]
fn hostile_names_stay_text() {
    if !has_browser() {
        return;
    }
    let browser = Browser::start(false);
    let page = write("hostile", &estates::hostile());
    check(&browser, &page);
    let scripts = browser.run(
        "return [document.scripts.length, document.querySelectorAll('img').length, \
         document.querySelectorAll('style').length, document.querySelectorAll('[onerror]').length]",
    );
    assert_eq!(scripts, serde_json::json!([1, 0, 1, 0]));
}

#[test]
fn ten_thousand_workloads_are_shown() {
    if !has_browser() {
        return;
    }
    let browser = Browser::start(false);
    let page = write("large", &estates::large());
    check(&browser, &page);
    let nodes =
        browser.run("return document.querySelectorAll('.map .box, .map .box .member').length");
    assert!(nodes.as_i64().unwrap() <= 300, "{nodes}");
    let cells = "svg.heat a.cell";
    browser.open(&page, 1400, 1000);
    browser.click(cells);
    assert_eq!(
        browser.run("return Array.from(document.querySelectorAll('.detail')).filter(e => e.offsetHeight > 0).length"),
        1
    );
}

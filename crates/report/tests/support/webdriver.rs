//! A headless Chromium, driven by its driver's HTTP interface.
//!
//! Source: W3C `WebDriver` Level 2; `goog:` parts from `ChromeDriver`'s capabilities page.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// A browser with one window; it goes when this does.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    /// Its profile, fresh, kept as long as it runs.
    profile: tempfile::TempDir,
}

/// Whether both programs are there.
pub(crate) fn is_installed() -> bool {
    ["chromium", "chromedriver"].iter().all(|program| {
        let asked = Command::new(program).arg("--version").output();
        asked.is_ok_and(|output| output.status.success())
    })
}

/// Whether this runs as root, who can install what is missing, so that nothing is excused.
pub(crate) fn is_root() -> bool {
    let asked = Command::new("id").arg("-u").output();
    asked.is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

impl Browser {
    /// Starts a browser; `dark` asks pages for their dark colours.
    pub(crate) fn start(dark: bool) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let port = port_of(&mut driver);
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Self { driver, port, session: String::new(), profile };
        let mut arguments: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--force-device-scale-factor=1",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--user-data-dir={}", browser.profile.path().display()));
        if dark {
            arguments.push("--blink-settings=preferredColorScheme=0".to_owned());
        }
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let answer = browser.ask("POST", "/session", &wanted);
        answer["sessionId"].as_str().unwrap().clone_into(&mut browser.session);
        browser
    }

    /// Opens a file, in a window of this size.
    pub(crate) fn open(&self, file: &std::path::Path, width: u32, height: u32) {
        self.command("POST", "window/rect", &json!({"width": width, "height": height}));
        self.command("POST", "url", &json!({"url": format!("file://{}", file.display())}));
    }

    /// Runs a script in the page and returns what it returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.command("POST", "execute/sync", &json!({"script": script, "args": []}))
    }

    /// Clicks the first element that a selector finds, as a user would: it must be in sight and not
    /// covered.
    pub(crate) fn click(&self, selector: &str) {
        self.run(&format!("document.querySelector({selector:?}).scrollIntoView({{block:'center',inline:'center',behavior:'instant'}})"));
        let found =
            self.command("POST", "element", &json!({"using": "css selector", "value": selector}));
        let element = found.as_object().unwrap().values().next().unwrap().as_str().unwrap();
        self.command("POST", &format!("element/{element}/click"), &json!({}));
    }

    /// What the page wrote to the console, or made the browser complain about.
    pub(crate) fn console(&self) -> Vec<String> {
        let log = self.command("POST", "se/log", &json!({"type": "browser"}));
        let entries = log.as_array().unwrap();
        entries.iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Every address that the browser asked for on behalf of the page.
    pub(crate) fn requests(&self) -> Vec<String> {
        let log = self.command("POST", "se/log", &json!({"type": "performance"}));
        let mut found = Vec::new();
        for entry in log.as_array().unwrap() {
            let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            if message["message"]["method"] == "Network.requestWillBeSent" {
                let parameters = &message["message"]["params"];
                // The browser's own start page asks for the browser's own parts.
                let document = parameters["documentURL"].as_str().unwrap_or_default();
                if !document.starts_with("chrome://") {
                    found.push(parameters["request"]["url"].as_str().unwrap().to_owned());
                }
            }
        }
        found
    }

    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        self.ask(method, &format!("/session/{}/{path}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
        let body = body.to_string();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut reader = BufReader::new(stream);
        let mut length = None;
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap() > 2 {
            let lower = line.to_ascii_lowercase();
            if let Some(number) = lower.strip_prefix("content-length:") {
                length = Some(number.trim().parse::<usize>().unwrap());
            }
            line.clear();
        }
        let mut content = vec![0; length.expect("the driver says how long its answer is")];
        reader.read_exact(&mut content).unwrap();
        let answer: Value = serde_json::from_slice(&content).unwrap();
        assert!(
            answer["value"]["error"].is_null(),
            "{method} {path}: {}",
            answer["value"]["message"]
        );
        answer["value"].clone()
    }
}

/// The port that the driver says it listens on.
fn port_of(driver: &mut Child) -> u16 {
    let output = BufReader::new(driver.stdout.take().unwrap());
    for line in output.lines() {
        let line = line.unwrap();
        if let Some((_, port)) = line.rsplit_once("on port ")
            && line.contains("successfully")
        {
            return port.trim_end_matches('.').parse().unwrap();
        }
    }
    panic!("chromedriver ended before it listened");
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver takes its browser along; a test that failed leaves none behind either.
        let ended = TcpStream::connect(("127.0.0.1", self.port)).and_then(|mut stream| {
            write!(
                stream,
                "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
                self.session
            )?;
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
            let mut answer = [0];
            stream.read(&mut answer)
        });
        if let Err(error) = ended {
            println!("the browser was not ended: {error}");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

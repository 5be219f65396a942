//! A real browser: Chromium driven by chromedriver over the W3C WebDriver protocol, which is a dozen JSON calls, so no
//! client library is needed. Elements are named by their `data-testid` (see `ui/README.md`).

use super::turn::Turn;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use support::{Deadline, Wire, eventually};
use tempfile::TempDir;

/// A cold browser start on a busy machine takes longest of all calls.
const PATIENCE: Duration = Duration::from_secs(180);
/// A browser that gave up starting on a busy machine is started anew; the third time it is no accident.
const STARTS_MAX: usize = 3;
/// How an answer names an element (WebDriver, section 12).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// The keys that tests press (WebDriver, section 17.4.2).
pub const ENTER: &str = "\u{e007}";
pub const ESCAPE: &str = "\u{e00c}";
pub const ARROW_LEFT: &str = "\u{e012}";
pub const TAB: &str = "\u{e004}";
pub const SPACE: &str = " ";

/// What a page holds.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Bytes of JavaScript in use.
    pub heap_bytes: u64,
    /// Elements and texts, those that are detached and still held included.
    pub nodes: u64,
    /// Event listeners.
    pub listeners: u64,
}

/// One browser with an empty profile; it ends when dropped.
pub struct Browser {
    driver: Child,
    // Kept open: a driver that cannot write its log ends.
    _out: BufReader<ChildStdout>,
    address: SocketAddr,
    session: String,
    _profile: TempDir,
    turn: Option<Turn>,
}

impl Browser {
    /// Starts one with a window of this size.
    pub fn start(width: u32, height: u32) -> Self {
        Self::start_with(width, height, &[])
    }

    /// The same with further command-line arguments.
    pub fn start_with(width: u32, height: u32, further: &[&str]) -> Self {
        let mut turn = Turn::take();
        for _ in 1..STARTS_MAX {
            match Self::try_start(width, height, further, turn) {
                Ok(browser) => return browser,
                Err((again, _)) => turn = again,
            }
        }
        Self::try_start(width, height, further, turn)
            .unwrap_or_else(|(_, error)| panic!("no browser in {STARTS_MAX} tries: {error}"))
    }

    /// One try; the turn comes back when there is no browser.
    fn try_start(width: u32, height: u32, further: &[&str], turn: Turn) -> Result<Self, (Turn, String)> {
        let (driver, out, address) = start_driver();
        let profile = tempfile::tempdir().expect("a temporary directory can be made");
        let mut browser =
            Self { driver, _out: out, address, session: String::new(), _profile: profile, turn: Some(turn) };
        let mut arguments = vec![
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", browser._profile.path().display()),
        ];
        arguments.extend(further.iter().map(|argument| (*argument).to_owned()));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        match browser.exchange("POST", "/session", &wanted) {
            Ok(made) => {
                browser.session = made["sessionId"].as_str().expect("a session has an id").to_owned();
                Ok(browser)
            }
            Err(error) => Err((browser.turn.take().expect("it has the turn until it gives it back"), error)),
        }
    }

    /// Goes to an address.
    pub fn open(&self, url: &str) {
        self.call("POST", "/url", &json!({ "url": url }));
    }

    /// Opens another window of the same browser and goes on there; gives its handle.
    pub fn open_window(&self) -> String {
        let made = self.call("POST", "/window/new", &json!({"type": "window"}));
        let handle = made["handle"].as_str().expect("a window has a handle").to_owned();
        self.switch_to(&handle);
        handle
    }

    /// The window that calls go to.
    pub fn window(&self) -> String {
        self.call("GET", "/window", &Value::Null).as_str().expect("a window has a handle").to_owned()
    }

    /// Goes on in another window.
    pub fn switch_to(&self, handle: &str) {
        self.call("POST", "/window", &json!({ "handle": handle }));
    }

    /// The visible text of an element; `None` while there is no such element.
    pub fn text(&self, testid: &str) -> Option<String> {
        let element = self.find(testid)?;
        let text = self.try_call("GET", &format!("/element/{element}/text"), &Value::Null)?;
        text.as_str().map(|text| text.replace('\u{a0}', " "))
    }

    /// An attribute of an element; `None` when the element or the attribute is missing.
    pub fn attribute(&self, testid: &str, name: &str) -> Option<String> {
        let element = self.find(testid)?;
        let value = self.try_call("GET", &format!("/element/{element}/attribute/{name}"), &Value::Null)?;
        value.as_str().map(str::to_owned)
    }

    /// Waits until an element's text contains `wanted`.
    #[track_caller]
    pub fn see(&self, testid: &str, wanted: &str) {
        let mut seen = None;
        let shown = support::clock::within(support::clock::PATIENCE, || {
            seen = self.text(testid);
            seen.as_ref().is_some_and(|text| text.contains(wanted))
        });
        assert!(shown, "{testid} never showed {wanted:?}; it shows {seen:?}");
    }

    /// Clicks an element as a pointer does, once it is there; one that something covers fails the test.
    pub fn click(&self, testid: &str) {
        // As a reader scrolls: out from below the frame, which the driver takes for being in sight.
        let script = "arguments[0].scrollIntoView({block: 'nearest'})";
        self.use_element(testid, |element| {
            let scroll = json!({"script": script, "args": [{ELEMENT: element}]});
            self.attempt("POST", "/execute/sync", &scroll)?;
            self.attempt("POST", &format!("/element/{element}/click"), &json!({}))
        });
    }

    /// Types into an element.
    pub fn keys(&self, testid: &str, text: &str) {
        self.use_element(testid, |element| {
            self.attempt("POST", &format!("/element/{element}/value"), &json!({ "text": text }))
        });
    }

    /// Types into an emptied element.
    pub fn fill(&self, testid: &str, text: &str) {
        self.use_element(testid, |element| {
            self.attempt("POST", &format!("/element/{element}/clear"), &json!({}))
        });
        self.keys(testid, text);
    }

    /// Chooses an option of a select by its value.
    pub fn choose(&self, testid: &str, value: &str) {
        let script = "arguments[0].value = arguments[1];
            for (const event of ['input', 'change']) arguments[0].dispatchEvent(new Event(event, {bubbles: true}));
            return arguments[0].value";
        let chosen = self.use_element(testid, |element| {
            let choice = json!({"script": script, "args": [{ELEMENT: element}, value]});
            self.attempt("POST", "/execute/sync", &choice)
        });
        assert_eq!(chosen, json!(value), "{testid} does not offer {value:?}");
    }

    /// What a script gives.
    pub fn script(&self, script: &str) -> Value {
        self.call("POST", "/execute/sync", &json!({"script": script, "args": []}))
    }

    /// What a script gives to its callback, which is its last argument, as `done(value)` here.
    pub fn script_later(&self, script: &str) -> Value {
        let script = format!("const done = arguments[arguments.length - 1];\n{script}");
        self.call("POST", "/execute/async", &json!({"script": script, "args": []}))
    }

    /// Presses the pointer on an element, moves it sideways in steps, and lets go if told to.
    pub fn drag(&self, testid: &str, from: i64, to: i64, release: bool) {
        let element = self.await_element(testid);
        let origin = json!({ ELEMENT: element });
        let at = |x: i64, length: u32| json!({"type": "pointerMove", "origin": origin, "x": x, "y": 0, "duration": length});
        let mut steps = vec![
            at(from, 0),
            json!({"type": "pointerDown", "button": 0}),
            at((from + to) / 2, 60),
            at(to, 60),
        ];
        if release {
            steps.push(json!({"type": "pointerUp", "button": 0}));
        }
        let pointer = json!({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": steps});
        self.call("POST", "/actions", &json!({"actions": [pointer]}));
    }

    /// Lets go of everything that is pressed.
    pub fn let_go(&self) {
        self.call("DELETE", "/actions", &Value::Null);
    }

    /// Shows the page as on a screen of this size (CSS pixels) with this colour scheme.
    pub fn screen(&self, width: u32, height: u32, scheme: &str) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.developer_tool("Emulation.setDeviceMetricsOverride", &size);
        self.media(&[("prefers-color-scheme", scheme)]);
    }

    /// Shows the page in its window again, and with the reader's own colours.
    pub fn own_screen(&self) {
        self.developer_tool("Emulation.clearDeviceMetricsOverride", &json!({}));
        self.media(&[]);
    }

    /// Shows the page as to a reader with these preferences: media features and their values.
    pub fn media(&self, features: &[(&str, &str)]) {
        let features: Vec<Value> =
            features.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.developer_tool("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// One command of the DevTools protocol, for what WebDriver has no word for.
    fn developer_tool(&self, command: &str, parameters: &Value) -> Value {
        self.call("POST", "/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// What the page holds after a garbage collection.
    pub fn memory(&self) -> Memory {
        self.developer_tool("HeapProfiler.collectGarbage", &json!({}));
        let heap = self.developer_tool("Runtime.getHeapUsage", &json!({}));
        let held = self.developer_tool("Memory.getDOMCounters", &json!({}));
        let count =
            |answer: &Value, name: &str| answer[name].as_f64().map(|count| count as u64).expect("a count");
        Memory {
            heap_bytes: count(&heap, "usedSize"),
            nodes: count(&held, "nodes"),
            listeners: count(&held, "jsEventListeners"),
        }
    }

    /// Presses keys one after the other, wherever the focus is.
    pub fn press(&self, keys: &str) {
        let stroke = |key: char| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key}));
        let strokes: Vec<Value> = keys.chars().flat_map(stroke).collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": strokes});
        self.call("POST", "/actions", &json!({ "actions": [keyboard] }));
    }

    /// Errors and warnings that the browser wrote to its console since the last call.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.call("POST", "/se/log", &json!({"type": "browser"}));
        let lines = log.as_array().cloned().unwrap_or_default();
        let bad = |line: &Value| matches!(line["level"].as_str(), Some("SEVERE" | "WARNING"));
        lines.iter().filter(|line| bad(line)).map(|line| line["message"].to_string()).collect()
    }

    /// Saves what the window shows below the target directory, for people to look at.
    pub fn picture(&self, name: &str) {
        self.save(&format!("{name}.png"), &self.shown());
    }

    /// What the window shows (PNG).
    pub fn shown(&self) -> Vec<u8> {
        let png = self.call("GET", "/screenshot", &Value::Null);
        base64(png.as_str().expect("a picture is text"))
    }

    /// Tells what a test that fails has before it: the address, the page as it reads, what the console said, and a picture.
    #[allow(clippy::print_stderr, reason = "the output of a test that failed")]
    fn tell(&self) {
        let page = self.script("return location.href + '\\n' + document.body.innerText");
        eprintln!("--- the browser shows:\n{}", page.as_str().unwrap_or("nothing"));
        eprintln!("--- its console says:\n{}", self.complaints().join("\n"));
        self.picture("failed");
    }

    /// Saves a file below the target directory.
    pub fn save(&self, name: &str, contents: &[u8]) {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("gui");
        std::fs::create_dir_all(&folder).expect("the pictures' directory can be made");
        std::fs::write(folder.join(name), contents).expect("a file can be written");
    }

    /// Does something with an element, once it is there and can be used; again if the page has put another one in its place
    /// meanwhile.
    #[track_caller]
    fn use_element(&self, testid: &str, act: impl Fn(&str) -> Result<Value, String>) -> Value {
        let deadline = Deadline::after(support::clock::PATIENCE);
        loop {
            let error = match act(&self.await_element(testid)) {
                Ok(value) => return value,
                Err(error) => error,
            };
            let passes = ["stale element", "not interactable"].iter().any(|word| error.contains(word));
            assert!(passes && !deadline.passed(), "{testid}: {error}");
        }
    }

    fn await_element(&self, testid: &str) -> String {
        let mut found = None;
        eventually(&format!("{testid} is on the page"), || {
            found = self.find(testid);
            found.is_some()
        });
        found.expect("it was just found")
    }

    fn find(&self, testid: &str) -> Option<String> {
        let wanted = json!({"using": "css selector", "value": format!("[data-testid=\"{testid}\"]")});
        self.try_call("POST", "/element", &wanted)?[ELEMENT].as_str().map(str::to_owned)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        self.send(method, &format!("/session/{}{path}", self.session), body)
    }

    fn try_call(&self, method: &str, path: &str, body: &Value) -> Option<Value> {
        self.attempt(method, path, body).ok()
    }

    fn attempt(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        self.exchange(method, &format!("/session/{}{path}", self.session), body)
    }

    #[track_caller]
    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        self.exchange(method, path, body).unwrap_or_else(|error| panic!("{method} {path} {body}: {error}"))
    }

    /// One call: its value, or the error as the driver words it.
    fn exchange(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut wire = Wire::open(self.address).patience(PATIENCE);
        wire.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len(),
        ));
        let response = wire.response(method);
        let value = serde_json::from_slice::<Value>(&response.body)
            .map_or(Value::Null, |answer| answer["value"].clone());
        if response.status == 200 { Ok(value) } else { Err(value["message"].to_string()) }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.session.is_empty() {
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.tell()));
        }
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            self.try_call("DELETE", "", &Value::Null)
        }));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Starts chromedriver on a port of its own choice, which it says on its standard output.
fn start_driver() -> (Child, BufReader<ChildStdout>, SocketAddr) {
    let mut driver = Command::new("chromedriver")
        .args(["--port=0", "--allowed-ips=127.0.0.1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver can be run; Debian: apt-get install chromium-driver");
    let mut out = BufReader::new(driver.stdout.take().expect("its output is piped"));
    let mut line = String::new();
    while !line.contains("started successfully") {
        line.clear();
        assert_ne!(out.read_line(&mut line).unwrap_or(0), 0, "chromedriver ended before it said its port");
    }
    let port = line.split("on port ").nth(1).and_then(|rest| rest.trim().trim_end_matches('.').parse().ok());
    (driver, out, ([127, 0, 0, 1], port.expect("chromedriver says its port")).into())
}

/// Decodes standard base64 (RFC 4648, section 4).
fn base64(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u32> =
        text.bytes().filter(|byte| !matches!(byte, b'=' | b'\n' | b'\r')).map(digit).collect();
    let group = |four: &[u32]| {
        let bits = four.iter().enumerate().fold(0, |bits, (place, value)| bits | (value << (18 - 6 * place)));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}

//! A real browser by its driver: Chromium without a window, fresh for each person.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use thirtyfour::prelude::*;
use tokio::runtime::Runtime;

use super::clients::fresh_code;
use super::server::{PASSWORD, Server};
use super::{PATIENCE, wait_for};

/// What the browser stories need.
pub(crate) const TOOLS: &[&str] = &["chromium", "chromedriver"];

/// The driver program, for as many browsers as wanted; ended when dropped.
pub(crate) struct Driver {
    child: Child,
    address: String,
    /// The browsers' home: certificates that they trust.
    home: TempDir,
    pub(crate) runtime: Arc<Runtime>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Driver {
    /// Starts the driver.
    pub(crate) fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .env("HOME", home.path())
            .env("XDG_CONFIG_HOME", home.path().join("config"))
            .env("XDG_CACHE_HOME", home.path().join("cache"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let at = ("127.0.0.1", port);
        wait_for("the browser's driver", || {
            std::net::TcpStream::connect(at).ok()
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        Self {
            child,
            address: format!("http://127.0.0.1:{port}"),
            home,
            runtime: Arc::new(runtime),
        }
    }

    /// Makes all browsers trust an authority, as a school's devices do: through the system's store.
    pub(crate) fn trust(&self, authority: &Path) {
        let store = self.home.path().join(".pki/nssdb");
        std::fs::create_dir_all(&store).unwrap();
        let store = format!("sql:{}", store.display());
        let run = |arguments: &[&str]| {
            let done = Command::new("certutil").args(arguments).output().unwrap();
            assert!(
                done.status.success(),
                "certutil {arguments:?}: {}",
                String::from_utf8_lossy(&done.stderr)
            );
        };
        run(&["-d", &store, "-N", "--empty-password"]);
        run(&[
            "-d",
            &store,
            "-A",
            "-t",
            "C,,",
            "-n",
            "school",
            "-i",
            authority.to_str().unwrap(),
        ]);
    }

    /// Opens a browser; with a proxy where one is named.
    pub(crate) fn browser(&self, proxy: Option<&str>) -> Browser {
        self.browser_with(proxy.map(|proxy| format!("--proxy-server={proxy}")))
    }

    /// Where browsers put what they download.
    pub(crate) fn downloads(&self) -> PathBuf {
        self.home.path().join("Downloads")
    }

    /// Opens a browser that finds names as its rules say, as if a resolver had told it.
    pub(crate) fn browser_that_finds(&self, rules: &str) -> Browser {
        self.browser_with(Some(format!("--host-resolver-rules={rules}")))
    }

    /// Opens a browser as it comes, HTTP/3 and all, with at most one more argument.
    pub(crate) fn browser_as_it_comes(&self, more: Option<String>) -> Browser {
        self.browser_in(tempfile::tempdir().unwrap(), true, more)
    }

    /// Opens a browser that asks this resolver over HTTPS and no other, as a managed device is set.
    pub(crate) fn browser_that_asks(&self, resolver: &str) -> Browser {
        let profile = tempfile::tempdir().unwrap();
        let state = serde_json::json!({
            "dns_over_https": { "mode": "secure", "templates": resolver }
        });
        std::fs::write(profile.path().join("Local State"), state.to_string()).unwrap();
        self.browser_in(profile, false, None)
    }

    fn browser_with(&self, more: Option<String>) -> Browser {
        self.browser_in(tempfile::tempdir().unwrap(), false, more)
    }

    fn browser_in(&self, profile: TempDir, quic: bool, more: Option<String>) -> Browser {
        let mut wanted = DesiredCapabilities::chrome();
        let mut arguments = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--window-size=1280,900".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        arguments.extend((!quic).then(|| "--disable-quic".to_owned()));
        arguments.extend(more);
        for argument in &arguments {
            wanted.add_arg(argument).unwrap();
        }
        let driver = self
            .runtime
            .block_on(WebDriver::new(&self.address, wanted))
            .unwrap();
        self.runtime
            .block_on(driver.set_page_load_timeout(PATIENCE))
            .unwrap();
        self.runtime
            .block_on(driver.set_script_timeout(PATIENCE))
            .unwrap();
        Browser {
            driver: Some(driver),
            runtime: Arc::clone(&self.runtime),
            _profile: profile,
        }
    }
}

/// One browser; closed when dropped.
pub(crate) struct Browser {
    driver: Option<WebDriver>,
    runtime: Arc<Runtime>,
    _profile: TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take() {
            drop(self.runtime.block_on(driver.quit()));
        }
    }
}

impl Browser {
    fn driver(&self) -> &WebDriver {
        self.driver.as_ref().unwrap()
    }

    /// Goes to an address and waits until its page is there.
    pub(crate) fn go(&self, address: &str) {
        self.runtime
            .block_on(self.driver().goto(address))
            .unwrap_or_else(|error| panic!("{address}: {error}"));
    }

    /// Goes to an address that cannot be reached; what the browser says.
    pub(crate) fn fails(&self, address: &str) -> String {
        match self.runtime.block_on(self.driver().goto(address)) {
            Ok(()) => panic!("{address} was reached: {}", self.text()),
            Err(error) => error.to_string().to_uppercase(),
        }
    }

    /// Where it is.
    pub(crate) fn at(&self) -> String {
        self.runtime
            .block_on(self.driver().current_url())
            .unwrap()
            .to_string()
    }

    /// The page's path, without query.
    pub(crate) fn path(&self) -> String {
        let at = self.at();
        let rest = at.splitn(4, '/').nth(3).unwrap_or("");
        format!("/{}", rest.split(['?', '#']).next().unwrap_or(""))
    }

    /// Everything that can be read on the page.
    pub(crate) fn text(&self) -> String {
        self.run(
            "return document.body ? document.body.innerText : ''",
            Vec::new(),
        )
        .as_str()
        .unwrap_or("")
        .to_owned()
    }

    /// Runs a script in the page, past its policy, as drivers can.
    pub(crate) fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.runtime
            .block_on(self.driver().execute(script, arguments))
            .unwrap_or_else(|error| panic!("{script:.80} at {}: {error}", self.at()))
            .json()
            .clone()
    }

    /// Runs a script that calls back when it has ended.
    pub(crate) fn run_until_called(&self, script: &str) -> Value {
        self.runtime
            .block_on(self.driver().execute_async(script, Vec::new()))
            .unwrap_or_else(|error| panic!("{error}"))
            .json()
            .clone()
    }

    /// From now on every page begins with a script, past its policy, as drivers can.
    pub(crate) fn on_every_page(&self, script: &str) {
        let cdp = self.driver().cdp();
        let wanted = serde_json::json!({ "source": script });
        self.runtime
            .block_on(cdp.send_raw("Page.addScriptToEvaluateOnNewDocument", wanted))
            .unwrap();
    }

    /// Waits until the page says something.
    #[track_caller]
    pub(crate) fn says(&self, words: &str) {
        let begun = Instant::now();
        loop {
            let text = self.text();
            if text.contains(words) {
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{} does not say {words:?} but:\n{text}",
                self.at()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Whether something of this kind is on the page.
    pub(crate) fn has(&self, css: &str) -> bool {
        !self
            .runtime
            .block_on(self.driver().find_all(By::Css(css)))
            .unwrap()
            .is_empty()
    }

    /// Clicks the first element of this kind.
    #[track_caller]
    pub(crate) fn click(&self, css: &str) {
        let found = self.runtime.block_on(self.driver().find(By::Css(css)));
        let element =
            found.unwrap_or_else(|_| panic!("{} has no {css}:\n{}", self.at(), self.text()));
        self.press(&element);
    }

    /// Clicks the first element that an XPath finds.
    #[track_caller]
    pub(crate) fn click_path(&self, path: &str) {
        let found = self.runtime.block_on(self.driver().find(By::XPath(path)));
        let element =
            found.unwrap_or_else(|_| panic!("{} has no {path}:\n{}", self.at(), self.text()));
        self.press(&element);
    }

    fn press(&self, element: &WebElement) {
        self.runtime.block_on(element.scroll_into_view()).unwrap();
        self.runtime
            .block_on(element.click())
            .unwrap_or_else(|error| panic!("{}: {error}", self.at()));
    }

    /// Types into a field.
    #[track_caller]
    pub(crate) fn write(&self, name: &str, text: &str) {
        let css = format!("main [name='{name}']");
        let found = self
            .runtime
            .block_on(self.driver().find(By::Css(css.as_str())));
        let field =
            found.unwrap_or_else(|_| panic!("{} has no field {name}:\n{}", self.at(), self.text()));
        self.runtime.block_on(field.clear()).unwrap();
        self.runtime.block_on(field.send_keys(text)).unwrap();
    }

    /// Presses a key where the focus is.
    pub(crate) fn key(&self, key: Key) {
        let typed = self.driver().action_chain().send_keys(key);
        self.runtime.block_on(typed.perform()).unwrap();
    }

    /// Types where the focus is.
    pub(crate) fn keys(&self, text: &str) {
        let typed = self.driver().action_chain().send_keys(text);
        self.runtime.block_on(typed.perform()).unwrap();
    }

    /// The page's title.
    pub(crate) fn title(&self) -> String {
        self.runtime.block_on(self.driver().title()).unwrap()
    }

    /// From now on no page's own script runs.
    pub(crate) fn without_script(&self) {
        let cdp = self.driver().cdp();
        let off = serde_json::json!({ "value": true });
        self.runtime
            .block_on(cdp.send_raw("Emulation.setScriptExecutionDisabled", off))
            .unwrap();
    }

    /// Sizes the page itself, not the window around it.
    pub(crate) fn size(&self, width: u32, height: u32) {
        let cdp = self.driver().cdp();
        let screen = serde_json::json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.runtime
            .block_on(cdp.send_raw("Emulation.setDeviceMetricsOverride", screen))
            .unwrap();
    }

    /// A picture of what fits on a screen of this size.
    pub(crate) fn view(&self, file: &Path, width: u32, height: u32) {
        self.size(width, height);
        let cdp = self.driver().cdp();
        let hidden = serde_json::json!({ "hidden": true });
        self.runtime
            .block_on(cdp.send_raw("Emulation.setScrollbarsHidden", hidden))
            .unwrap();
        self.capture(file, false);
    }

    /// A picture of the whole page.
    pub(crate) fn picture(&self, file: &Path) {
        self.capture(file, true);
    }

    fn capture(&self, file: &Path, whole: bool) {
        let wanted = serde_json::json!({ "format": "png", "captureBeyondViewport": whole, "optimizeForSpeed": false });
        let cdp = self.driver().cdp();
        let taken = self
            .runtime
            .block_on(cdp.send_raw("Page.captureScreenshot", wanted))
            .unwrap();
        let data = taken["data"].as_str().unwrap();
        std::fs::write(file, decode(data)).unwrap();
    }

    /// Signs somebody of the sample school in, with the code where one is asked for.
    pub(crate) fn sign_in(&self, server: &Server, name: &str) {
        self.go(&server.page("/sign-in"));
        self.write("name", name);
        self.write("password", PASSWORD);
        self.click("main form button");
        wait_for("the sign-in", || {
            if self.path() != "/sign-in" {
                return Some(());
            }
            if self.has("main [name='code']") {
                let code = fresh_code(server.web)?;
                self.write("code", &code);
                self.click("main form button");
            }
            None
        });
    }
}

/// Base 64 (RFC 4648 section 4).
fn decode(text: &str) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let Some(value) = LETTERS.iter().position(|other| *other == letter) else {
            continue;
        };
        bits = bits << 6 | u32::try_from(value).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap());
        }
    }
    bytes
}

//! A headless Chromium behind chromedriver, both Debian's.

use anyhow::{Context as _, bail};
use fantoccini::{Client, ClientBuilder, Locator};
use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// How long a page may take to show what a test waits for.
const SHOWN_WITHIN: Duration = Duration::from_secs(20);

/// A browser window; dropped, driver and browser end.
pub struct Browser {
    pub client: Client,
    driver: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Opens a window of `width` x `height` pixels.
    ///
    /// # Errors
    /// When chromedriver is missing or does not come up: the sentence says what to install.
    pub async fn open(width: u32, height: u32) -> anyhow::Result<Self> {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context(
                "chromedriver can't be started; install Debian's packages chromium and chromium-driver",
            )?;
        let stdout = driver.stdout.take().context("chromedriver has no output")?;
        let Some(port) = BufReader::new(stdout).lines().map_while(Result::ok).find_map(|line| {
            line.split("successfully on port ")
                .nth(1)
                .and_then(|rest| rest.trim_end_matches('.').trim().parse::<u16>().ok())
        }) else {
            let _ = driver.kill();
            bail!("chromedriver ended before it named its port");
        };
        let profile = tempfile::tempdir()?;
        let options = serde_json::json!({
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage",
                format!("--window-size={width},{height}"),
                format!("--user-data-dir={}", profile.path().display()),
            ],
        });
        let mut capabilities = serde_json::Map::new();
        capabilities.insert("goog:chromeOptions".to_owned(), options);
        let connector = hyper_util::client::legacy::connect::HttpConnector::new();
        let client = ClientBuilder::new(connector)
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .context("chromedriver opened no window")?;
        Ok(Self { client, driver, _profile: profile })
    }

    /// Waits for an element and gives it.
    ///
    /// # Errors
    /// When it does not come within 20 s: with the page's text, so that the reason can be read.
    pub async fn shown(&self, css: &str) -> anyhow::Result<fantoccini::elements::Element> {
        self.shown_at(Locator::Css(css)).await
    }

    /// As [`Browser::shown`], wherever it is.
    ///
    /// # Errors
    /// As there.
    pub async fn shown_at(&self, place: Locator<'_>) -> anyhow::Result<fantoccini::elements::Element> {
        match self.client.wait().at_most(SHOWN_WITHIN).for_element(place).await {
            Ok(element) => Ok(element),
            Err(error) => {
                let text = match self.client.find(Locator::Css("body")).await {
                    Ok(body) => body.text().await.unwrap_or_default(),
                    Err(_) => String::new(),
                };
                bail!("no {place:?} within {SHOWN_WITHIN:?} ({error}); the page reads:\n{text}")
            }
        }
    }

    /// Types as a wedge scanner does: keys a few milliseconds apart, wherever the cursor stands, Enter at the end.
    ///
    /// # Errors
    /// The browser is gone.
    pub async fn type_quickly(&self, code: &str) -> anyhow::Result<()> {
        let script = "const [code, done] = arguments; let at = 0; const keys = [...code, 'Enter']; const target = document.activeElement || document.body; \
            const next = () => { if (at == keys.length) { setTimeout(done, 60); return; } \
            const event = new KeyboardEvent('keydown', { key: keys[at++], bubbles: true, cancelable: true }); \
            if (target.dispatchEvent(event) && target.tagName == 'INPUT' && event.key.length == 1) { target.value += event.key; } setTimeout(next, 6); }; next();";
        self.client.execute_async(script, vec![serde_json::Value::from(code)]).await?;
        Ok(())
    }

    /// Keeps a picture for a person where a folder for them is named (`JIGLINE_SCREENSHOTS`).
    ///
    /// # Errors
    /// No picture, or the folder can't be written.
    pub async fn picture(&self, name: &str) -> anyhow::Result<()> {
        if let Some(folder) = std::env::var_os("JIGLINE_SCREENSHOTS") {
            std::fs::create_dir_all(&folder)?;
            std::fs::write(Path::new(&folder).join(format!("{name}.png")), self.client.screenshot().await?)?;
        }
        Ok(())
    }

    /// Closes the window; the driver ends with the drop.
    ///
    /// # Errors
    /// When chromedriver is gone already.
    pub async fn close(&self) -> anyhow::Result<()> {
        self.client.clone().close().await.context("the browser did not close")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

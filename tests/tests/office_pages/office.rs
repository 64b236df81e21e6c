//! An office with something in it: a server with its page, a browser with somebody signed in, and stations as a script plays them.

use anyhow::{Context as _, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    api::stations::WIRE_VERSION,
    bundle::BundleManifest,
    ids::{BatchId, OutboxId, StationId},
    procedure::parse_procedure,
    profile::parse_profile,
    record::{Envelope, Expected},
};
use fantoccini::{Locator, elements::Element};
use jigline_tests::{
    browser::Browser,
    demo::{Account, workspace_root},
    factory::{PROFILE, Server, bundle, image_hex, text},
};
use reqwest::Method;
use serde_json::{Value, json};
use server::load::synthetic::{self, Work};
use std::{collections::BTreeMap, path::PathBuf};

pub struct Office {
    pub server: Server,
    pub browser: Browser,
    folder: tempfile::TempDir,
    bundle: Value,
}

/// A station as a script plays it.
pub struct Jig {
    pub id: StationId,
    pub key: String,
    pub outbox: OutboxId,
}

impl Office {
    /// With a released bundle, and somebody of that role signed in.
    pub async fn open(role: &str) -> anyhow::Result<Self> {
        let mut office = Self::without_bundle(role, "").await?;
        office.submit(4).await?;
        office.release().await?;
        Ok(office)
    }

    /// Nothing was submitted yet; `more` stands at the end of the profile.
    pub async fn without_bundle(role: &str, more: &str) -> anyhow::Result<Self> {
        let page = workspace_root().join("frontend/dist/office/index.html");
        ensure!(page.is_file(), "the page is not built; run `cargo xtask ui`");
        let folder = tempfile::tempdir()?;
        let profiles = folder.path().join("profiles");
        let profile = format!("parameters/{PROFILE}.toml");
        for path in ["models/topbms.toml", &profile, "procedures/topbms-birth.toml"] {
            let mut text = std::fs::read_to_string(workspace_root().join("profiles").join(path))?;
            if path == profile {
                text.push_str(more);
            }
            let path = profiles.join(path);
            std::fs::create_dir_all(path.parent().context("a file in a folder")?)?;
            std::fs::write(path, text)?;
        }
        let server = Server::start(folder.path(), &profiles).await?;
        let browser = Browser::open(1280, 900).await?;
        let office = Self { server, browser, folder, bundle: Value::Null };
        office.sign_in(role).await?;
        Ok(office)
    }

    /// A bundle with an image of so many KiB.
    pub async fn submit(&mut self, kib: u32) -> anyhow::Result<()> {
        let form = bundle(&self.server, &image_hex(self.folder.path(), kib * 1024)?).await?;
        self.bundle = self.server.send("engineer", Method::POST, "/api/v1/bundles", form).await?;
        Ok(())
    }

    /// That which was submitted last.
    pub async fn release(&mut self) -> anyhow::Result<()> {
        let path = format!("/api/v1/bundles/{}/release", text(&self.bundle, "/hash"));
        self.bundle = self.server.send("quality", Method::POST, &path, json!({})).await?;
        Ok(())
    }

    async fn sign_in(&self, role: &str) -> anyhow::Result<()> {
        let accounts = std::fs::read(self.folder.path().join("accounts.json"))?;
        let accounts: BTreeMap<String, Account> = serde_json::from_slice(&accounts)?;
        let account = accounts.get(role).context("no such account")?;
        self.goto("/line").await?;
        self.browser.shown("input[name=username]").await?.send_keys(&account.username).await?;
        self.browser.shown("input[name=password]").await?.send_keys(&account.password).await?;
        self.click("button[type=submit]").await?;
        self.browser.shown("nav").await.map(|_| ())
    }

    /// In English and light, whatever was looked at before.
    pub async fn goto(&self, path: &str) -> anyhow::Result<()> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let address = format!("{}{path}{mark}lang=en&theme=light", self.server.base_url);
        Ok(self.browser.client.goto(&address).await?)
    }

    pub async fn click(&self, css: &str) -> anyhow::Result<()> {
        self.browser.shown(css).await?.click().await.with_context(|| format!("{css} can't be clicked"))
    }

    pub async fn type_into(&self, css: &str, text: &str) -> anyhow::Result<()> {
        self.browser
            .shown(css)
            .await?
            .send_keys(text)
            .await
            .with_context(|| format!("nothing can be typed into {css}"))
    }

    pub async fn choose(&self, css: &str, value: &str) -> anyhow::Result<()> {
        let list = self.browser.shown(css).await?;
        list.select_by_value(value).await.with_context(|| format!("{value} can't be chosen in {css}"))
    }

    /// Waits until that text stands somewhere in the page.
    pub async fn says(&self, words: &str) -> anyhow::Result<Element> {
        self.browser
            .shown_at(Locator::XPath(&format!("//main//*[contains(normalize-space(.), \"{words}\")]")))
            .await
    }

    /// Whether an element is there now.
    pub async fn has(&self, css: &str) -> anyhow::Result<bool> {
        Ok(!self.browser.client.find_all(Locator::Css(css)).await?.is_empty())
    }

    /// Waits until no such element is there any more.
    pub async fn gone(&self, css: &str) -> anyhow::Result<()> {
        let script = "const [css, done] = arguments; const look = () => document.querySelector(css) === null \
                      ? done(true) : requestAnimationFrame(look); look();";
        self.browser
            .client
            .execute_async(script, vec![css.into()])
            .await
            .map(drop)
            .with_context(|| format!("{css} stays"))
    }

    /// The id of a text that waits in the quarantine with that reason.
    pub async fn waiting(&self, reason: &str) -> anyhow::Result<String> {
        let row = format!("//main//tr[@data-row][contains(normalize-space(.), \"{reason}\")]");
        let row = self.browser.shown_at(Locator::XPath(&row)).await?;
        row.attr("data-row").await?.context("a row without its id")
    }

    /// Looks at the page as it stands, light in English and dark in Chinese: nothing may hang out at its side. Where `JIGLINE_SCREENSHOTS`
    /// names a folder, the pictures are put there.
    pub async fn look(&self, name: &str, path: &str, ready: &str) -> anyhow::Result<()> {
        for (language, theme) in [("en", "light"), ("zh", "dark")] {
            let mark = if path.contains('?') { '&' } else { '?' };
            let address = format!("{}{path}{mark}lang={language}&theme={theme}", self.server.base_url);
            self.browser.client.goto(&address).await?;
            self.browser.shown(ready).await?;
            self.picture(&format!("{name}-{language}")).await?;
        }
        Ok(())
    }

    /// As [`Office::look`], of what stands there now.
    pub async fn picture(&self, name: &str) -> anyhow::Result<()> {
        let width = "return [document.documentElement.scrollWidth, window.innerWidth]";
        let width = self.browser.client.execute(width, Vec::new()).await?;
        ensure!(width[0].as_u64() <= width[1].as_u64(), "{name} hangs out at the side: {width}");
        if let Some(folder) = std::env::var_os("JIGLINE_SCREENSHOTS").map(PathBuf::from) {
            std::fs::write(folder.join(format!("{name}.png")), self.browser.client.screenshot().await?)?;
        }
        Ok(())
    }

    pub async fn batch(&self, name: &str, quantity: u32) -> anyhow::Result<BatchId> {
        let hash = text(&self.bundle, "/hash");
        let form = json!({ "name": name, "customer": "Liùhé 六合", "bundle": hash, "quantity": quantity });
        let batch = self.server.send("engineer", Method::POST, "/api/v1/batches", form).await?;
        Ok(text(&batch, "/batch_id").parse()?)
    }

    /// A station that has checked in.
    pub async fn jig(&self, name: &str) -> anyhow::Result<Jig> {
        let form = json!({ "name": name, "slots": 8, "simulated": true });
        let enrolled = self.server.send("admin", Method::POST, "/api/v1/stations", form).await?;
        let jig = Jig {
            id: text(&enrolled, "/station_id").parse()?,
            key: text(&enrolled, "/key"),
            outbox: OutboxId(server::clock::new_id()),
        };
        self.check_in(&jig, "11").await?;
        Ok(jig)
    }

    /// A program that was started on a machine, which is named by two digits.
    pub async fn check_in(&self, jig: &Jig, machine: &str) -> anyhow::Result<Value> {
        let said = json!({
            "wire_version": WIRE_VERSION, "program": "0.1.0", "session_id": server::clock::new_id(), "outbox_id": jig.outbox, "unsent": 0,
            "machine": machine.repeat(32), "slots": 8,
        });
        self.as_station(jig, "check-in", said).await
    }

    /// Numbers of a batch, with a share of it.
    pub async fn lend(&self, jig: &Jig, batch: BatchId, count: u32) -> anyhow::Result<Vec<String>> {
        let share = json!({
            "outbox_id": jig.outbox, "wanted": count, "started": 0, "consumed": 0, "released": 0, "returned": 0, "settled": 0,
        });
        let ask =
            json!({ "batch_id": batch, "block_id": server::clock::new_id(), "count": count, "share": share });
        let block = self.as_station(jig, "serial-blocks", ask).await?;
        let serials = block.pointer("/serials").and_then(Value::as_array).context("no numbers")?;
        Ok(serials.iter().filter_map(|serial| serial.as_str().map(str::to_owned)).collect())
    }

    /// Sends texts; gives what became of each.
    pub async fn send(&self, jig: &Jig, texts: &[String]) -> anyhow::Result<Vec<String>> {
        let answer = self.as_station(jig, "ingest", json!({ "envelopes": texts })).await?;
        let results = answer.pointer("/results").and_then(Value::as_array).context("no results")?;
        Ok(results.iter().map(|result| text(result, "/state")).collect())
    }

    pub async fn as_station(&self, jig: &Jig, path: &str, body: Value) -> anyhow::Result<Value> {
        self.server.send(&jig.key, Method::POST, &format!("/api/v1/station/{path}"), body).await
    }

    /// The `number`th record of a jig: a pass with that serial number.
    pub fn pass(&self, jig: &Jig, batch: BatchId, number: u32, serial: &str) -> anyhow::Result<Envelope> {
        let read = |path: String| std::fs::read_to_string(workspace_root().join("profiles").join(path));
        let profile = parse_profile("profile", &read(format!("parameters/{PROFILE}.toml"))?);
        let procedure = parse_procedure("procedure", &read("procedures/topbms-birth.toml".to_owned())?);
        let (Ok(profile), Ok(procedure)) = (profile, procedure) else {
            anyhow::bail!("the shipped files do not parse")
        };
        let manifest: BundleManifest = serde_json::from_value(self.bundle["manifest"].clone())?;
        let expected = Expected::of(&profile, &procedure, &manifest);
        let work = Work { station_id: jig.id, batch_id: batch, expected };
        let at: DateTime<Utc> =
            server::clock::now() - TimeDelta::hours(2) + TimeDelta::minutes(number.into());
        let mut envelope = synthetic::envelope(&work, jig.outbox.0, number, at, 7);
        envelope.record.serial = Some(serial.to_owned());
        Ok(envelope)
    }
}

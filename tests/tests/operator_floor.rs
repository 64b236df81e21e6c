//! People at the operator's page: a real browser, the real page and station, a jig and a server in this process. Who signs in, judges first
//! boards, changes over, lets a stopped line go on and hands over the shift; by badge, by PIN, and what those who may not are told.

use anyhow::{Context as _, ensure};
use argon2::{Argon2, PasswordHasher as _};
use domain::{
    floor::{FloorAct, FloorRules, JigPerson, SignInWay},
    role::Role,
    text::Language,
};
use fantoccini::Locator;
use jigline_tests::{
    at_page::{Setting, at_the_page},
    browser::Browser,
    memory_server::{BATCH, MemoryServer, OF_SLOTS},
};
use simulator::faults::Fault;
use std::{future::Future, time::Duration};

/// A run at 115200 baud takes some ten seconds; a busy machine is given room.
const WITHIN: Duration = Duration::from_secs(120);

fn person(username: &str, name: &str, number: &str, badge: Option<&str>) -> anyhow::Result<JigPerson> {
    let badge =
        badge.map(|code| Argon2::default().hash_password_with_salt(code.as_bytes(), b"one salt for all"));
    Ok(JigPerson {
        username: username.to_owned(),
        name: name.to_owned(),
        role: Role::Operator,
        lead: username == "wei",
        number: Some(number.to_owned()),
        language: (username == "wei").then_some(Language::Zh),
        badge: badge.transpose().ok().flatten().map(|hash| hash.to_string()),
        pin: Argon2::default().hash_password(b"482913").ok().map(|hash| hash.to_string()),
    })
}

/// Works `boards` in two slots while `script` is at the page.
async fn worked<F: Future<Output = anyhow::Result<()>>>(
    rules: FloorRules,
    boards: u32,
    fault: Option<Fault>,
    script: impl FnOnce(String, Browser, MemoryServer) -> F,
) -> anyhow::Result<()> {
    let people = vec![
        person("lin", "Lin Mei", "1042", Some("0012345678"))?,
        person("wei", "魏强", "1043", Some("0099999999"))?,
        person("chen", "Chen Jie", "1044", None)?,
    ];
    let prepare = |server: &MemoryServer| {
        server.open_second(50);
        server.name_order(OF_SLOTS, "B-2650", "another-product");
        server.say_floor(rules);
        server.let_in(people);
    };
    let setting = Setting { slots: 2, boards, fault, size: 8 * 1024, seed: 7 };
    at_the_page(setting, prepare, |_| (), script).await
}

async fn until(browser: &Browser, css: &str) -> anyhow::Result<()> {
    let wait = browser.client.wait().at_most(WITHIN).for_element(Locator::Css(css)).await;
    wait.map(drop).with_context(|| css.to_owned())
}

async fn click(browser: &Browser, css: &str) -> anyhow::Result<()> {
    Ok(browser.shown(css).await?.click().await?)
}

async fn fill(browser: &Browser, css: &str, text: &str) -> anyhow::Result<()> {
    let field = browser.shown(css).await?;
    // As a hand would, and not as a scanner.
    let script = "const [field, text] = arguments; field.value = text; field.dispatchEvent(new Event('input', { bubbles: true }));";
    browser.client.execute(script, vec![serde_json::to_value(field)?, text.into()]).await?;
    Ok(())
}

/// Something is said, at the foot of the panel or of the page.
async fn line(browser: &Browser, holds: &str) -> anyhow::Result<()> {
    let xpath = format!("//*[contains(@class,'told') or contains(@class,'line')][contains(.,'{holds}')]");
    browser.shown_at(Locator::XPath(&xpath)).await.map(drop)
}

#[tokio::test]
async fn a_shift_begins_with_a_badge_judges_its_first_boards_changes_over_and_is_handed_over()
-> anyhow::Result<()> {
    let rules = FloorRules { first_article: 1, ..FloorRules::default() };
    worked(rules, 8, None, async |page: String, browser: Browser, server: MemoryServer| {
        let told = shift(&page, &browser, &server).await;
        browser.close().await?;
        told
    })
    .await
}

async fn shift(page: &str, browser: &Browser, server: &MemoryServer) -> anyhow::Result<()> {
    browser.client.goto(&format!("{page}/?lang=en&theme=light")).await?;
    until(browser, "[data-slot='1'] [data-act=sign-in]").await?;
    browser.picture("floor-nobody-en").await?;
    ensure!(server.records().is_empty(), "nobody is signed in");
    // A PIN that is nobody's, then the badge, wherever the cursor stands: in the field of the PIN, even.
    click(browser, "[data-slot='1'] [data-act=sign-in]").await?;
    fill(browser, ".panel [name=number]", "1042").await?;
    fill(browser, ".panel [name=pin]", "000000").await?;
    click(browser, ".panel .main").await?;
    line(browser, "nobody has that badge").await?;
    browser.picture("floor-sign-in-en").await?;
    click(browser, ".panel [name=pin]").await?;
    browser.type_quickly("0012345678").await?;
    until(browser, "[data-person=in]").await?;
    line(browser, "Lin Mei works here now").await?;
    ensure!(browser.client.find(Locator::Css(".panel")).await.is_err(), "the panel shuts by itself");

    // A first board in each slot, then both wait.
    until(browser, "[data-slot='1'] [data-act=sheet]:not([disabled])").await?;
    until(browser, "[data-slot='1'][data-state=broken] .answers [data-act=sheet]").await?;
    until(browser, "[data-slot='2'][data-state=broken] .answers [data-act=sheet]").await?;
    browser.picture("floor-first-article-en").await?;
    click(browser, "[data-slot='1'] .answers [data-act=sheet]").await?;
    browser.shown(".paper .boards li").await?;
    browser.picture("floor-sheet-en").await?;
    // She may not; the lead may, and his page is Chinese only once he works here.
    browser.type_quickly("0012345678").await?;
    line(browser, "that is for quality or a delegated lead").await?;
    browser.type_quickly("0099999999").await?;
    line(browser, "first article accepted").await?;
    until(browser, "[data-slot='1'][data-state=working]").await?;

    // Another product: counted first.
    browser.type_quickly("B-2650").await?;
    until(browser, ".panel [name=came_in]").await?;
    fill(browser, ".panel [name=came_in]", "5").await?;
    browser.shown(".panel [data-adds-up='0']").await?;
    browser.picture("floor-change-over-en").await?;
    let passed = browser.shown(".panel [name=pass]").await?.prop("value").await?.unwrap_or_default();
    fill(browser, ".panel [name=came_in]", &passed).await?;
    browser.shown(".panel [data-adds-up='1']").await?;
    click(browser, ".panel [data-act=change-over]").await?;
    line(browser, "scan the fixture").await?;
    browser.type_quickly("FX-12S-1").await?;
    click(browser, ".panel [data-act=change-over]").await?;
    until(browser, ".top:not(:has([name=came_in]))").await?;
    browser.shown_at(Locator::XPath("//header//b[contains(text(),'B-2')]")).await?;

    // The lead takes over, in Chinese, and hands the shift over.
    browser.client.goto(&format!("{page}/?lang=en&theme=dark")).await?;
    until(browser, "[data-person=in]").await?;
    browser.type_quickly("0099999999").await?;
    browser.shown_at(Locator::XPath("//*[contains(@class,'person')][contains(text(),'魏强')]")).await?;
    browser.shown_at(Locator::XPath("//footer[contains(.,'最近未通过')]")).await?;
    click(browser, "[data-person=in]").await?;
    browser.shown(".panel .paper table").await?;
    fill(browser, ".panel [name=note]", "2 号插槽夹具偏紧").await?;
    browser.picture("floor-shift-zh").await?;
    click(browser, ".panel [data-act=hand-over]").await?;
    until(browser, "[data-person=nobody]").await?;

    // All of it is on the server.
    let acts = || server.floor_acts().into_iter().map(|event| event.act).collect::<Vec<_>>();
    for _ in 0..100 {
        if acts().iter().any(|act| matches!(act, FloorAct::HandedOver { .. })) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let acts = acts();
    let is_there = |wanted: fn(&FloorAct) -> bool| acts.iter().filter(|act| wanted(act)).count();
    ensure!(is_there(|act| matches!(act, FloorAct::SignedIn { way: SignInWay::Badge, .. })) == 2, "{acts:?}");
    ensure!(
        is_there(|act| matches!(act, FloorAct::ArticleJudged { accepted: true, by, .. } if by == "wei")) == 1
    );
    ensure!(
        is_there(
            |act| matches!(act, FloorAct::ChangedOver { to, clearance: Some(_), fixture: Some(code), .. } if *to == OF_SLOTS && code == "FX-12S-1")
        ) == 1,
        "{acts:?}"
    );
    ensure!(
        is_there(
            |act| matches!(act, FloorAct::HandedOver { by, note, .. } if by == "wei" && !note.is_empty())
        ) == 1,
        "{acts:?}"
    );
    let operators: Vec<String> = server.records().into_iter().map(|record| record.operator).collect();
    ensure!(operators.iter().all(|operator| operator == "lin"), "{operators:?}");
    ensure!(server.records().iter().any(|record| record.batch_id == BATCH));
    Ok(())
}

#[tokio::test]
async fn a_line_that_fails_in_a_row_stops_until_a_lead_says_why_it_may_go_on() -> anyhow::Result<()> {
    let rules = FloorRules { stop_after: 2, ..FloorRules::default() };
    worked(
        rules,
        6,
        Some(Fault::CellOutOfLimits),
        async |page: String, browser: Browser, server: MemoryServer| {
            let told = stopped(&page, &browser, &server).await;
            browser.close().await?;
            told
        },
    )
    .await
}

async fn stopped(page: &str, browser: &Browser, server: &MemoryServer) -> anyhow::Result<()> {
    browser.client.goto(&format!("{page}/?lang=zh&theme=dark")).await?;
    // Number and PIN, and a colleague without either whom the lead vouches for.
    until(browser, "[data-person=nobody]").await?;
    click(browser, "[data-slot='1'] [data-act=sign-in]").await?;
    click(browser, ".panel [data-act=vouch]").await?;
    let chen = browser.shown_at(Locator::Css(".panel option[value=chen]")).await?;
    chen.click().await?;
    browser.picture("floor-vouch-zh").await?;
    browser.type_quickly("0099999999").await?;
    until(browser, "[data-person=in]").await?;
    until(browser, "[data-slot='1'] [data-act=let-go]").await?;
    until(browser, "[data-slot='2'] [data-act=let-go]").await?;
    browser.picture("floor-stopped-zh").await?;
    click(browser, "[data-slot='1'] [data-act=let-go]").await?;
    browser.shown(".panel .stops li").await?;
    browser.type_quickly("0099999999").await?;
    line(browser, "请填写原因").await?;
    fill(browser, ".panel [name=reason]", "负载线松动，已紧固").await?;
    browser.picture("floor-let-go-zh").await?;
    fill(browser, ".panel [name=number]", "1043").await?;
    fill(browser, ".panel [name=pin]", "482913").await?;
    click(browser, ".panel .main").await?;
    until(browser, "[data-state=working]").await?;
    let acts: Vec<FloorAct> = server.floor_acts().into_iter().map(|event| event.act).collect();
    ensure!(acts.iter().any(|act| matches!(act, FloorAct::SignedIn { who, way: SignInWay::Vouch { lead } } if who == "chen" && lead == "wei")), "{acts:?}");
    ensure!(acts.iter().any(|act| matches!(act, FloorAct::Stopped { fails: 2, .. })), "{acts:?}");
    Ok(())
}

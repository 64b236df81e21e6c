//! A batch is made: what is chosen, what is typed and judged meanwhile, what is refused, and the report that shows it.

use super::office::Office;
use anyhow::ensure;

/// What the profile leaves to the order.
const LEFT: &str = "\n[from_order]\ncharge_current_limit_a = { min = 60, max = 120 }\nboard_address = { min = 1, max = 16 }\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_engineer_makes_a_batch_whose_order_says_what_its_profile_leaves_to_it() -> anyhow::Result<()> {
    let mut office = Office::without_bundle("engineer", LEFT).await?;
    let told = orders(&mut office).await;
    office.browser.close().await?;
    told
}

const LIMIT: &str = "input[name=charge_current_limit_a]";

async fn orders(office: &mut Office) -> anyhow::Result<()> {
    office.look("batches-empty", "/batches", ".empty").await?;
    office.look("new-batch-none", "/batches/new", ".empty").await?;
    office.submit(4).await?;
    office.goto("/batches/new").await?;
    office.says("none of them is released").await?;
    office.release().await?;
    office.submit(8).await?;
    office.goto("/batches").await?;
    office.click("a[href='/batches/new']").await?;
    // The one that is released is the one that is meant; the other is not offered.
    office.browser.shown(LIMIT).await?;
    ensure!(!office.has("select[name=bundle] option:nth-child(2)").await?, "a bundle that nobody released");
    office.release().await?;
    for (language, theme) in [("zh", "dark"), ("en", "light")] {
        let address = format!("{}/batches/new?lang={language}&theme={theme}", office.server.base_url);
        office.browser.client.goto(&address).await?;
        office.browser.shown("select[name=bundle] option:nth-child(3)").await?;
        office.picture(&format!("new-batch-{language}")).await?;
        office.click("form button[type=submit]").await?;
        office.browser.shown("form > .is-fail").await?;
        filled(office, "B-7").await?;
        office.choose("select[name=labels]", "scan").await?;
        office.type_into("input[name=pattern]", "AB-####").await?;
        office.type_into(LIMIT, "121").await?;
        office.browser.shown("[data-parameter=charge_current_limit_a] .is-fail").await?;
        office.picture(&format!("new-batch-faulty-{language}")).await?;
    }
    judged_while_typed(office).await?;
    // The form of labels is judged by the server, and what was typed stays.
    office.browser.shown("input[name=pattern]").await?.clear().await?;
    office.type_into("input[name=pattern]", "AB-").await?;
    office.click("form button[type=submit]").await?;
    office.says("every label would be the same").await?;
    office.says("invalid").await?;
    ensure!(office.browser.shown(LIMIT).await?.prop("value").await?.as_deref() == Some("90"), "it was lost");
    office.type_into("input[name=pattern]", "####").await?;
    office.type_into("input[name=first_article]", "6").await?;
    office.click("form button[type=submit]").await?;
    office.says("First articles: 0 to 5.").await?;
    office.picture("new-batch-floor-en").await?;
    office.browser.shown("input[name=first_article]").await?.clear().await?;
    office.type_into("input[name=first_article]", "2").await?;
    office.click("form button[type=submit]").await?;
    let row = office.browser.shown("[data-order=charge_current_limit_a]").await?;
    office.says("60 – 120").await?;
    let row = row.text().await?;
    ensure!(row.contains("90 A"), "{row}");
    ensure!(!office.has("[data-order=board_address]").await?, "the order says nothing of it");
    office.says("AB-####").await?;
    // What nobody typed is the form's own rule.
    office.says("first articles: 2 · stop after 3 fails in a row").await?;
    let path = office.browser.client.current_url().await?.path().to_owned();
    office.look("batch-order", &path, "[data-order=charge_current_limit_a]").await?;
    // A name that is taken is told with its code.
    office.goto("/batches/new").await?;
    filled(office, "B-7").await?;
    office.click("form button[type=submit]").await?;
    office.says("There is a batch B-7 already").await?;
    office.says("conflict").await?;
    office.picture("new-batch-taken-en").await?;
    let name = office.browser.shown("input[name=name]").await?;
    name.clear().await?;
    name.send_keys("B-8").await?;
    office.click("form button[type=submit]").await?;
    office.says("lent by the server").await?;
    ensure!(!office.has("[data-order]").await?, "its order says nothing");
    Ok(())
}

/// All that must be given.
async fn filled(office: &Office, name: &str) -> anyhow::Result<()> {
    office.type_into("input[name=name]", name).await?;
    office.type_into("input[name=customer]", "Liùhé 六合").await?;
    office.type_into("input[name=quantity]", "24").await?;
    office.browser.shown("select[name=bundle] option:nth-child(3)").await?;
    office.browser.shown("select[name=bundle]").await?.select_by_index(1).await?;
    office.browser.shown(LIMIT).await.map(drop)
}

async fn judged_while_typed(office: &Office) -> anyhow::Result<()> {
    for (value, reason) in [
        ("121", Some("60 – 120 A")),
        ("x", Some("no number")),
        ("90.5", Some("whole steps of 1 A")),
        ("110", Some("rated")),
        ("90", None),
    ] {
        let input = office.browser.shown(LIMIT).await?;
        input.clear().await?;
        input.send_keys(value).await?;
        let Some(reason) = reason else {
            office.gone("[data-parameter] .is-fail").await?;
            continue;
        };
        let told = format!(
            "//main//*[@data-parameter='charge_current_limit_a']//*[contains(@class, 'is-fail') and contains(., '{reason}')]"
        );
        office.browser.shown_at(fantoccini::Locator::XPath(&told)).await?;
        office.click("form button[type=submit]").await?;
        office.says("Mend the values that are marked.").await?;
    }
    Ok(())
}

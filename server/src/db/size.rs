//! What the tables and indexes weigh, and how the planner answers the questions that people ask.

use super::DbResult;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};

/// One table with its partitions and indexes, bytes.
#[derive(Debug, Clone)]
pub struct TableSize {
    pub table: String,
    pub heap: i64,
    pub indexes: Vec<(String, i64)>,
}

/// Every table, largest first; partitions count to their parent.
///
/// # Errors
/// What the database says; so everywhere below.
pub async fn tables(db: &mut PgConnection) -> DbResult<Vec<TableSize>> {
    let rows = sqlx::query!(
        r#"with tables as (
            select coalesce(i.inhparent, c.oid) as parent, c.oid from pg_class c
            left join pg_inherits i on i.inhrelid = c.oid
            where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace)
         select p.relname::text as "table!", sum(pg_table_size(t.oid))::bigint as "heap!"
         from tables t join pg_class p on p.oid = t.parent group by 1 order by sum(pg_total_relation_size(t.oid)) desc"#
    )
    .fetch_all(&mut *db)
    .await?;
    let indexes = sqlx::query!(
        r#"select p.relname::text as "table!", coalesce(pi.relname, x.relname)::text as "index!",
            sum(pg_relation_size(x.oid))::bigint as "bytes!"
         from pg_index n join pg_class x on x.oid = n.indexrelid join pg_class c on c.oid = n.indrelid
         left join pg_inherits ti on ti.inhrelid = c.oid join pg_class p on p.oid = coalesce(ti.inhparent, c.oid)
         left join pg_inherits ii on ii.inhrelid = x.oid left join pg_class pi on pi.oid = ii.inhparent
         where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace group by 1, 2 order by 3 desc"#
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| TableSize {
            indexes: indexes
                .iter()
                .filter(|index| index.table == row.table)
                .map(|index| (index.index.clone(), index.bytes))
                .collect(),
            table: row.table,
            heap: row.heap,
        })
        .collect())
}

/// The five questions of the schema's measurement, as SQL texts with the arguments written in.
#[must_use]
pub fn questions(
    part: &str,
    unit: uuid::Uuid,
    definition: &str,
    between: (f64, f64),
) -> Vec<(&'static str, String)> {
    let (low, high) = between;
    vec![
        (
            "identifier_part",
            format!(
                "select u.unit_id, u.outcome, u.finished_at from unit u
                 where u.unit_id in (select unit_id from identifier where value ilike '%{part}%')
                 order by u.finished_at desc, u.unit_id desc limit 50"
            ),
        ),
        (
            "measurement_range",
            format!(
                "select m.run_id, m.value from measurement m join measurement_definition d using (definition_id)
                 where d.name = '{definition}' and thousandths(m.value) between thousandths({low}) and thousandths({high})
                 limit 200"
            ),
        ),
        (
            "yield_by_day",
            "select day, sum(pass) as pass, sum(fail) as fail, sum(first_pass)::real / nullif(sum(boards), 0) as first_pass_yield
             from day_count where day >= current_date - 30 group by day order by day"
                .to_owned(),
        ),
        (
            "one_unit",
            format!(
                "select r.run_id, r.outcome, e.content from run r join envelope e using (run_id) where r.unit_id = '{unit}'"
            ),
        ),
        (
            "pareto_by_step",
            "select fault_step, fault_code, count(*) from run
             where fault_step is not null and finished_at >= now() - interval '30 days' group by 1, 2 order by 3 desc"
                .to_owned(),
        ),
    ]
}

/// How the database answers: the plan's lines and the time, milliseconds.
pub async fn explain(db: &mut PgConnection, sql: &str) -> DbResult<(Vec<String>, f64)> {
    let text = format!("explain (analyze, buffers) {sql}");
    let rows = sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(db).await?;
    let lines: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let time = lines
        .iter()
        .filter_map(|line| line.strip_prefix("Execution Time: ")?.strip_suffix(" ms")?.parse::<f64>().ok())
        .sum();
    Ok((lines, time))
}

/// Brings the planner's statistics up to date and writes out what is dirty. Asks for the tables' owner.
pub async fn settle(db: &mut PgConnection) -> DbResult<()> {
    sqlx::raw_sql("vacuum analyze").execute(db).await?;
    Ok(())
}

/// What a question is asked with: a unit, its serial, and the middle of a measurement's values.
#[derive(Debug)]
pub struct Sample {
    pub unit_id: uuid::Uuid,
    pub serial: String,
    pub measurement: String,
    pub value: f64,
}

pub async fn sample(db: &mut PgConnection) -> DbResult<Option<Sample>> {
    Ok(sqlx::query_as!(
        Sample,
        r#"select i.unit_id, i.value as serial, d.name as measurement, m.value::double precision as "value!"
         from (select unit_id, value from identifier where kind = 'serial' offset (select count(*) / 2 from unit) limit 1) i
         join unit u on u.unit_id = i.unit_id
         join measurement m on m.run_id = u.latest_run_id
         join measurement_definition d on d.definition_id = m.definition_id
         order by d.name desc limit 1"#
    )
    .fetch_optional(db)
    .await?)
}

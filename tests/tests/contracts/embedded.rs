//! A killed process loses nothing that the embedded table answered.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use tidegate_aws::Table;
use tidegate_core::{
    model::{Edition, Position, RecordId, Version},
    ports::{Claim, Claimant, CursorStore, Ledger},
};
use tidegate_local::EmbeddedTable;

use super::{acquired, at, cursor_of, page, stream};
use crate::tables;

fn at_path(path: &Path) -> Table {
    tables::over(EmbeddedTable::open(path).unwrap())
}

#[tokio::test]
async fn a_table_is_there_again_when_it_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let before = acquired(&at_path(&path), "a", 1, 2).await;
    assert_eq!(cursor_of(&at_path(&path)).await, before);
}

const PATH: &str = "TIDEGATE_TEST_KILLED_STATE";
const PAGES: u64 = 20;
const ENTITIES: i64 = 500;

fn claimant(owner: &str) -> Claimant<'_> {
    Claimant { owner, now_ms: 1, until_ms: 1_000, over: None, may_repeat: true }
}

async fn claim(table: &Table, owner: &str) -> Vec<Claim> {
    let edition = Edition { version: Version(1), generation: 0 };
    let editions: Vec<_> = (0..ENTITIES).map(|id| (RecordId::Number(id), edition)).collect();
    let claims = table.claim(&stream(), &editions, &claimant(owner)).await;
    claims.into_iter().map(Result::unwrap).collect()
}

/// Not a test of its own: the process that [`a_killed_process_loses_nothing`] kills.
#[tokio::test]
async fn killed() {
    let Ok(path) = std::env::var(PATH) else { return };
    let table = at_path(Path::new(&path));
    acquired(&table, "a", 1, 2).await;
    for number in 1..=PAGES {
        table.seal(&stream(), 1, &[page(number, "a")], 1).await.unwrap();
    }
    claim(&table, "a").await;
    println!("\nsealed");
    // Nothing is closed, nothing is flushed.
    loop {
        std::thread::park();
    }
}

#[tokio::test]
async fn a_killed_process_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "contracts::embedded::killed", "--nocapture"])
        .env(PATH, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "sealed"));
    child.kill().unwrap();
    child.wait().unwrap();
    let table = at_path(&path);
    let cursor = cursor_of(&table).await;
    assert_eq!((cursor.next, cursor.head), (PAGES + 1, at(200)));
    let pages = table.pages_after(&stream(), 0, 100).await.unwrap();
    assert_eq!(pages.len(), 20);
    assert_eq!(pages[0].from, Position::Start);
    let claims = claim(&table, "b").await;
    assert!(claims.iter().all(|claim| *claim == Claim::Locked { until_ms: 1_000 }), "{claims:?}");
}

//! What every member of every dialect becomes with every backend: `docs/translation.md` says it, and is made here.
//!
//! A member that changes nothing and is not told is a silent loss, which fails the test. To write the document anew:
//! `DITTO_UPDATE=1 cargo test -p ditto-translate --test loss_table`.

#[path = "loss_table/cell.rs"]
mod cell;
#[path = "loss_table/implied.rs"]
mod implied;
#[path = "loss_table/page.rs"]
mod page;
mod support;

use std::fs;
use std::path::PathBuf;

use ditto_translate::client::Client;

use cell::{Cell, Judge};
use page::Table;
use support::requests::{BACKENDS, fields};

/// The table of a client's requests, and its silent losses.
fn requests(client: Client, silent: &mut Vec<String>) -> Table {
    let (base, fields) = fields(client);
    let mut table = Table::new(BACKENDS.iter().map(|backend| backend.name.to_owned()).collect());
    let judges: Vec<_> = BACKENDS.iter().map(|backend| (backend, Judge::new(client, backend, base))).collect();
    for field in fields {
        for (backend, judge) in &judges {
            let cell = judge.cell(field);
            if cell == Cell::Silent {
                silent.push(format!("{client:?} to {}: {}: {}", backend.name, field.name, judge.sent(field)));
            }
            table.set(field.name, backend.name, &cell);
        }
    }
    table
}

#[test]
fn the_document_is_current_and_no_loss_is_silent() {
    let mut silent = Vec::new();
    let mut page = page::head();
    for client in Client::ALL {
        page.push_str(&page::section(page::title(client), &requests(client, &mut silent)));
    }
    assert!(silent.is_empty(), "{} silent losses:\n{}", silent.len(), silent.join("\n"));
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/translation.md");
    if std::env::var_os("DITTO_UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let stale = page.lines().zip(written.lines()).find(|(now, then)| now != then);
    assert!(written == page, "docs/translation.md is not current, see the head of this test; first: {stale:?}");
}

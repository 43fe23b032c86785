//! What every member of every dialect becomes with every backend: `docs/translation.md` says it, and is made here.
//!
//! A member that changes nothing and is not told is a silent loss, which fails the test. To write the document anew:
//! `DITTO_UPDATE=1 cargo test -p ditto-translate --test loss_table`.

#[path = "loss_table/cell.rs"]
mod cell;
#[path = "loss_table/features.rs"]
mod features;
#[path = "loss_table/implied.rs"]
mod implied;
#[path = "loss_table/page.rs"]
mod page;
#[path = "loss_table/replied.rs"]
mod replied;
mod support;

use std::fs;
use std::path::PathBuf;

use ditto_translate::client::Client;
use ditto_translate::plan::Dialect;

use cell::{Cell, Judge};
use page::Table;
use replied::{cell as cell_of_reply, is_stale, reply_fields};
use support::replies::DIALECTS;
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

/// The table of a backend's replies, and what is wrong with it.
fn replies(dialect: Dialect, wrong: &mut Vec<String>) -> Table {
    let mut table = Table::new(Client::ALL.iter().map(|client| page::name(*client).to_owned()).collect());
    for field in reply_fields(dialect).1 {
        let mut cells = Vec::new();
        for client in Client::ALL {
            let cell = cell_of_reply(client, dialect, field).unwrap_or_else(|problem| {
                wrong.push(format!("{dialect:?} to {client:?}: {}: {problem}", field.name));
                Cell::Silent
            });
            table.set(field.name, page::name(client), &cell);
            cells.push(cell);
        }
        if is_stale(field, &cells) {
            wrong.push(format!("{dialect:?}: {}: every client gets it, and a reason says otherwise", field.name));
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
    for (_, dialect) in DIALECTS {
        page.push_str(&page::section(page::title_of_replies(*dialect), &replies(*dialect, &mut silent)));
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

#[test]
fn the_readme_says_what_each_backend_gets() {
    const MARKS: [&str; 2] = ["<!-- features:begin -->\n", "<!-- features:end -->"];
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once(MARKS[0]).expect("the table begins");
    let (written, tail) = rest.split_once(MARKS[1]).expect("the table ends");
    let table = features::table();
    if std::env::var_os("DITTO_UPDATE").is_some() {
        fs::write(&path, [head, MARKS[0], &table, MARKS[1], tail].concat()).unwrap();
        return;
    }
    assert!(written == table, "put this between the marks, or run this test with DITTO_UPDATE=1:\n{table}");
}

//! The document.

use std::fmt::Write;

use ditto_translate::client::Client;
use ditto_translate::plan::Dialect;

use crate::cell::Cell;

/// One table: rows are members, columns are those who get them.
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
    notes: Vec<String>,
}

impl Table {
    pub(crate) fn new(columns: Vec<String>) -> Self {
        Self { columns, rows: Vec::new(), notes: Vec::new() }
    }

    pub(crate) fn set(&mut self, row: &str, column: &str, cell: &Cell) {
        let text = match cell {
            Cell::Passes => "passes".to_owned(),
            Cell::Mapped(notes) => self.noted("✓", notes),
            Cell::Dropped(notes) => self.noted("dropped", notes),
            Cell::Refused(why) => self.noted("refused", std::slice::from_ref(why)),
            Cell::Impossible(why) => self.noted("error", std::slice::from_ref(why)),
            Cell::Implied(why) => self.noted("=", std::slice::from_ref(why)),
            Cell::Silent => "silent".to_owned(),
        };
        let place = self.columns.iter().position(|name| name == column).expect("the column is there");
        let row = match self.rows.iter().position(|(name, cells)| name == row && cells.len() == place) {
            Some(at) => at,
            None => {
                self.rows.push((row.to_owned(), Vec::new()));
                self.rows.len() - 1
            }
        };
        self.rows[row].1.push(text);
    }

    fn noted(&mut self, word: &str, notes: &[String]) -> String {
        let numbers: Vec<String> = notes.iter().map(|note| self.number(note).to_string()).collect();
        if numbers.is_empty() { word.to_owned() } else { format!("{word} ({})", numbers.join(", ")) }
    }

    fn number(&mut self, note: &str) -> usize {
        if let Some(at) = self.notes.iter().position(|known| known == note) {
            return at + 1;
        }
        self.notes.push(note.to_owned());
        self.notes.len()
    }
}

/// A section with a table and its notes.
pub(crate) fn section(title: &str, table: &Table) -> String {
    let mut text = format!("\n## {title}\n\n| Member |");
    for column in &table.columns {
        write!(text, " {column} |").unwrap();
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(table.columns.len()));
    for (name, cells) in &table.rows {
        write!(text, "\n| `{name}` |").unwrap();
        for cell in cells {
            write!(text, " {cell} |").unwrap();
        }
    }
    text.push('\n');
    if !table.notes.is_empty() {
        text.push('\n');
    }
    for (note, number) in table.notes.iter().zip(1..) {
        writeln!(text, "{number}. {}", note.replace('|', "\\|")).unwrap();
    }
    text
}

/// What a client's dialect is called.
pub(crate) fn title(client: Client) -> &'static str {
    match client {
        Client::Chat => "Requests of OpenAI chat completions",
        Client::Completions => "Requests of OpenAI legacy completions",
        Client::Responses => "Requests of OpenAI Responses",
        Client::Messages => "Requests of Anthropic Messages",
        Client::Gemini => "Requests of Gemini",
    }
}

/// A client's column.
pub(crate) fn name(client: Client) -> &'static str {
    match client {
        Client::Chat => "chat completions",
        Client::Completions => "completions",
        Client::Responses => "Responses",
        Client::Messages => "Messages",
        Client::Gemini => "Gemini",
    }
}

/// What a backend's replies are called.
pub(crate) fn title_of_replies(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat => "Replies of OpenAI-compatible backends",
        Dialect::Responses => "Replies of OpenAI Responses",
        Dialect::Messages => "Replies of Anthropic",
        Dialect::Gemini => "Replies of Gemini",
        Dialect::Converse => "Replies of Bedrock's Converse",
        Dialect::Cohere => "Replies of Cohere",
    }
}

/// What stands in front of the tables.
pub(crate) fn head() -> String {
    "<!-- Made by crates/translate/tests/loss_table.rs, which says how. -->\n\
    # What translation keeps\n\n\
    A client speaks its dialect, a backend its own. What becomes of each member of a request or a reply on the way \
    between them:\n\n\
    - `passes`: the backend speaks the client's dialect, and gets the client's bytes.\n\
    - `✓`: the backend gets it in its own words; a note says what is lost of it.\n\
    - `dropped`: it is left out, because that does no harm; the reply's header `x-ditto-dropped` names it.\n\
    - `refused`: leaving it out would change the request's meaning. The request is refused with an error that names \
    it, unless the operator allows losses; then it is dropped.\n\
    - `error`: the request is refused in any case.\n\
    - `=`: it asks for what is so anyway.\n\n\
    Replies have the same words, for what clients get of them.\n\n\
    Numbers lead to the notes below each table.\n"
        .to_owned()
}

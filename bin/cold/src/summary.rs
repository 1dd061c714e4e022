//! What a run says at its end, as data (for `--json`) and as text.
//!
//! Everything above the latency part is a function of the input alone: two runs on one input
//! print it alike, whatever the layout.

pub mod flow;

pub mod ifd;

pub mod trade;

use std::fmt::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use latency_report::text::{counted, thousands};
use serde::Serialize;
use undertow_core::book::Book;
use undertow_core::event::Trust;
use undertow_core::types::Action;

use crate::listing::Listing;

/// A run in figures.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// What was read.
    pub inputs: Vec<Input>,
    /// First and last time of capture, RFC 3339; absent if no record had one.
    pub span: Option<(String, String)>,
    /// Market records by action, in the order of the format.
    pub actions: Vec<Count>,
    /// Records by type.
    pub records: Vec<Count>,
    /// Faults noticed, zero ones left out.
    pub faults: Vec<Count>,
    /// Instruments, the most traded first.
    pub instruments: Vec<Instrument>,
    /// What the options desk found.
    pub ifd: ifd::IfdFigures,
    /// Instruments with a definition, of which options; ids with a symbol.
    pub definitions: Definitions,
    /// What was decided and traded, in a run that trades.
    pub trade: Option<trade::TradeFigures>,
    /// What each stage did.
    pub stages: Vec<StageLine>,
    /// Receipt over all outputs.
    pub output_digest: String,
    /// Hash over the state of all books.
    pub book_hash: String,
    /// Result of the book invariants, if they were checked.
    pub check: Option<Check>,
    /// How the run was laid out.
    pub run: Run,
}

/// One input.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Input {
    /// File name, or what was simulated.
    pub name: String,
    /// What the stream says of itself: dataset, schema, DBN version.
    pub about: String,
    /// Records decoded.
    pub records: u64,
    /// What went wrong, if the stream did not end well.
    pub error: Option<String>,
}

/// A named count.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Count {
    /// What is counted.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// One instrument at the end.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Instrument {
    /// Symbol, or id.
    pub name: String,
    /// Databento's id.
    pub instrument_id: u32,
    /// Whose feed.
    pub publisher_id: u16,
    /// Trust state.
    pub trust: String,
    /// Final best bid and offer, `size @ price` each as price and size.
    pub bid: String,
    /// Displayed size at the bid.
    pub bid_size: u64,
    /// Final best offer.
    pub ask: String,
    /// Displayed size at the offer.
    pub ask_size: u64,
    /// Working orders.
    pub orders: u64,
    /// Records.
    pub records: u64,
    /// Trades.
    pub trades: u64,
    /// Size traded.
    pub volume: u64,
    /// Bought by aggressors.
    pub bought: u64,
    /// Sold by aggressors.
    pub sold: u64,
    /// Bought less sold.
    pub cvd: i64,
    /// Blocks of the session.
    pub blocks: u64,
    /// Volume-weighted average price.
    pub vwap: String,
    /// Events that left the book crossed.
    pub crossed: u64,
    /// The measures, for instruments that have them.
    pub flow: Option<flow::FlowFigures>,
}

/// What is known of contracts.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Definitions {
    /// Instruments with terms.
    pub defined: usize,
    /// Options among them.
    pub options: usize,
    /// Ids with a symbol.
    pub symbols: usize,
}

/// What a stage took and made.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StageLine {
    /// Which stage.
    pub name: String,
    /// What it did, in words.
    pub did: String,
}

/// Outcome of the checking mode.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Check {
    /// Books checked, once an event.
    pub checks: u64,
    /// Invariants found broken.
    pub violations: u64,
    /// The first of them.
    pub first: Option<String>,
}

/// How the run was laid out, and what it cost.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Run {
    /// Layout.
    pub layout: String,
    /// Tiles and the cores they were verified on.
    pub tiles: String,
    /// Pace.
    pub pace: String,
    /// Allocations on hot threads.
    pub allocations: u64,
    /// Page faults on hot threads.
    pub page_faults: u64,
    /// Times that a hot thread lost its core.
    pub involuntary_switches: u64,
    /// Messages taken by the chain.
    pub messages: u64,
    /// Seconds from first to last duty cycle, wall time; says nothing without its machine.
    pub elapsed_s: f64,
}

/// Most instruments that the text lists.
const INSTRUMENTS_LISTED_MAX: usize = 12;

impl Summary {
    /// The text that follows a run.
    #[must_use]
    pub fn render(&self, latency_table: &str, listing: Listing) -> String {
        let mut text = String::new();
        self.render_inputs(&mut text);
        self.render_records(&mut text);
        self.render_instruments(&mut text, listing);
        flow::render(&self.instruments, listing, &mut text);
        ifd::render(&self.ifd, listing, &mut text);
        if let Some(figures) = &self.trade {
            trade::render(figures, listing, &mut text);
        }
        self.render_stages(&mut text);
        self.render_check(&mut text);
        self.render_run(&mut text, latency_table);
        text
    }

    fn render_inputs(&self, text: &mut String) {
        heading(text, "input");
        for input in &self.inputs {
            let _ = writeln!(
                text,
                "  {}  {}  {}",
                input.name,
                input.about,
                counted(input.records, "record")
            );
            if let Some(error) = &input.error {
                let _ = writeln!(text, "  ! {error}");
            }
        }
        if let Some((first, last)) = &self.span {
            let _ = writeln!(text, "  from {first} to {last}");
        }
        let Definitions {
            defined,
            options,
            symbols,
        } = self.definitions;
        if defined + symbols > 0 {
            let _ = writeln!(
                text,
                "  {} defined ({}), {} mapped",
                counted(defined, "instrument"),
                counted(options, "option"),
                counted(symbols, "symbol")
            );
        }
    }

    fn render_records(&self, text: &mut String) {
        heading(text, "records");
        counts(text, "by action", &self.actions);
        counts(text, "by type", &self.records);
        if self.faults.is_empty() {
            let _ = writeln!(text, "  {:<11} none", "faults");
        } else {
            counts(text, "faults", &self.faults);
        }
    }

    fn render_instruments(&self, text: &mut String, listing: Listing) {
        heading(text, "instruments");
        let mut table = Table::new();
        table.load_preset(NOTHING).set_header([
            "symbol", "trust", "bid size", "bid", "ask", "ask size", "orders", "records", "trades",
            "volume",
        ]);
        let most = listing.most(INSTRUMENTS_LISTED_MAX);
        for line in self.instruments.iter().take(most) {
            table.add_row([
                line.name.clone(),
                line.trust.clone(),
                thousands(line.bid_size),
                line.bid.clone(),
                line.ask.clone(),
                thousands(line.ask_size),
                thousands(line.orders),
                thousands(line.records),
                thousands(line.trades),
                thousands(line.volume),
            ]);
        }
        for column in table.column_iter_mut().skip(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for line in table.lines() {
            let _ = writeln!(text, " {}", line.trim_end());
        }
        self.render_rest(text, listing);
    }

    /// The instruments that were not listed, in one line, and how many are to be trusted.
    fn render_rest(&self, text: &mut String, listing: Listing) {
        let rest = self.instruments.iter();
        let rest = rest.skip(listing.most(INSTRUMENTS_LISTED_MAX));
        let trades: u64 = rest.clone().map(|line| line.trades).sum();
        let volume: u64 = rest.map(|line| line.volume).sum();
        let count = self.instruments.len();
        text.push_str(&listing.rest(count, INSTRUMENTS_LISTED_MAX, |more| {
            let (trades, volume) = (counted(trades, "trade"), thousands(volume));
            format!("{more} more with {trades}, volume {volume}")
        }));
        if count <= INSTRUMENTS_LISTED_MAX {
            return;
        }
        let in_trust = |line: &&Instrument| line.trust == Trust::Good.name();
        let trusted = self.instruments.iter().filter(in_trust).count();
        let _ = writeln!(
            text,
            "  {} of all {} in good trust",
            thousands(trusted as u64),
            thousands(count as u64),
        );
    }

    fn render_stages(&self, text: &mut String) {
        heading(text, "stages");
        for stage in &self.stages {
            let _ = writeln!(text, "  {:<11} {}", stage.name, stage.did);
        }
        let _ = writeln!(text, "  {:<11} {}", "outputs", self.output_digest);
        let _ = writeln!(text, "  {:<11} {}", "books", self.book_hash);
    }

    fn render_check(&self, text: &mut String) {
        let Some(check) = &self.check else { return };
        heading(text, "check");
        let _ = writeln!(
            text,
            "  invariants held after {} of {}",
            thousands(check.checks - check.violations),
            counted(check.checks, "complete event")
        );
        if let Some(first) = &check.first {
            let _ = writeln!(text, "  ! first violation: {first}");
        }
    }

    fn render_run(&self, text: &mut String, latency_table: &str) {
        heading(text, "latency");
        for line in latency_table.lines() {
            let _ = writeln!(text, "{}", format!("  {line}").trim_end());
        }
    }
}

fn heading(text: &mut String, name: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "{name}");
}

/// Named counts in one paragraph.
fn counts(text: &mut String, label: &str, counts: &[Count]) {
    let items = counts.iter();
    let items = items.map(|count| format!("{} {}", count.name, thousands(count.count)));
    paragraph(text, label, items);
}

/// Items in one paragraph, wrapped at a hundred columns; nothing if there is none.
fn paragraph(text: &mut String, label: &str, items: impl Iterator<Item = String>) {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return;
    }
    let mut line = format!("  {label:<11}");
    for item in items {
        let item = format!(" {item}");
        if line.chars().count() + item.chars().count() > 98 {
            let _ = writeln!(text, "{line}");
            line = format!("  {:<11}", "");
        }
        line.push_str(&item);
        line.push_str(" ·");
    }
    let _ = writeln!(text, "{}", line.trim_end_matches(" ·"));
}

/// Whether books can be spoken of at all. Of nothing but trades none is made, and to doubt it would
/// accuse a feed that has told everything it was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct BookTrust {
    tells_orders: bool,
}

impl BookTrust {
    /// Shown where there is no book.
    pub const NO_BOOK: &str = "no book";

    /// Takes note of what a record did.
    pub fn note(&mut self, action: Action) {
        self.tells_orders |= !matches!(action, Action::Trade | Action::Fill | Action::None);
    }

    /// Whether anything that a book is made of was told.
    #[must_use]
    pub const fn tells_orders(&self) -> bool {
        self.tells_orders
    }

    /// How far a book is to be believed, in a word.
    #[must_use]
    pub fn word(&self, book: &Book<'_>) -> &'static str {
        let touch = book.touch();
        // Quotes may come with trades.
        if self.tells_orders || touch.bid.is_defined() || touch.ask.is_defined() {
            book.trust().name()
        } else {
            Self::NO_BOOK
        }
    }

    /// The same in a sentence about one book.
    #[must_use]
    pub fn words(word: &str) -> String {
        match word {
            Self::NO_BOOK => "no book: nothing but trades is told".to_owned(),
            trust => format!("trust {trust}"),
        }
    }
}

/// A time as a table gives it, to the millisecond: `2026-03-11 15:44:02.253`, from RFC 3339.
#[must_use]
pub fn moment(rfc3339: &str) -> String {
    let Some((date, time)) = rfc3339.split_once('T') else {
        return rfc3339.to_owned();
    };
    let time = time.trim_end_matches('Z');
    let (seconds, part) = time.split_once('.').unwrap_or((time, ""));
    let ms: String = part.chars().chain("000".chars()).take(3).collect();
    format!("{date} {seconds}.{ms}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_milliseconds_and_no_letters() {
        assert_eq!(
            moment("2026-03-11T15:44:02.253889536Z"),
            "2026-03-11 15:44:02.253"
        );
        assert_eq!(moment("2026-03-11T15:44:02Z"), "2026-03-11 15:44:02.000");
    }

    #[test]
    fn unlisted_instruments_are_summed() {
        let instrument = Instrument {
            trust: "good".to_owned(),
            trades: 2,
            volume: 5,
            ..Instrument::default()
        };
        let summary = Summary {
            instruments: vec![instrument; INSTRUMENTS_LISTED_MAX + 3],
            ..Summary::default()
        };
        let text = summary.render("", Listing::Short);
        assert!(
            text.contains("and 3 more with 6 trades, volume 15 (--all"),
            "{text}"
        );
        assert!(text.contains("15 of all 15 in good trust"), "{text}");
        let text = summary.render("", Listing::All);
        assert!(!text.contains("more with"), "{text}");
    }
}

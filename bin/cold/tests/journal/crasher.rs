//! A process that trades a little and stops at a named point, to be killed there.
//!
//! `journal-crasher DIR VENUE SIGNALS [POINT:SIGNAL]`. The venue is a file with one order a line,
//! which knows nothing of this process: what is in it has been sent. Every signal is to lead to
//! one order. At the point it prints `at` and waits for ever.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;

use undertow_cold::journal::{
    Build, Entry, Intended, Moment, Options, Record, Start, State, Writer,
};
use undertow_core::contract::{Contract, ContractKind, Multiplier, PriceSign, TickRule};
use undertow_core::money::Money;
use undertow_core::order::{
    ClientOrderId, Confidence, ExecReport, Execution, ExecutionId, Intent, Purpose, Quote,
    ReportKind, SignalId, StrategyId, Style, Tif, VenueOrderId,
};
use undertow_core::risk::{AccountId, Kept, Mode};
use undertow_core::types::{BookKey, InstrumentId, Nanos, Price, PublisherId, Side, Text};

const POINT: i64 = Price::PER_POINT;

const KEY: BookKey = BookKey {
    instrument_id: InstrumentId(5),
    publisher_id: PublisherId(1),
};

type Failed = Box<dyn Error>;

struct Desk {
    writer: Writer,
    state: State,
    venue: PathBuf,
    /// Where to stop, and at which signal.
    stop: Option<(String, u64)>,
}

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, venue, signals, rest @ ..] = &arguments[..] else {
        return Err("journal-crasher DIR VENUE SIGNALS [POINT:SIGNAL]".into());
    };
    let stop = rest.first().and_then(|point| point.split_once(':'));
    let stop = stop.map(|(point, signal)| Ok::<_, Failed>((point.to_owned(), signal.parse()?)));
    let mut desk = Desk::open(Path::new(dir), PathBuf::from(venue), stop.transpose()?)?;
    desk.ask_for_the_unknown()?;
    for signal in 1..=signals.parse()? {
        desk.follow(signal)?;
    }
    let digest = desk.state.digest();
    desk.writer
        .close(&Moment::default(), &Record::End(digest))?;
    Ok(())
}

impl Desk {
    fn open(dir: &Path, venue: PathBuf, stop: Option<(String, u64)>) -> Result<Self, Failed> {
        let mut state = State::default();
        let options = Options {
            segment_records_max: 6,
            ..Options::default()
        };
        let (writer, scan) = Writer::open(dir, options, |entry| state.fold(entry))?;
        state.lose(&scan);
        let kept = state.kept();
        let mut desk = Self {
            writer,
            state,
            venue,
            stop,
        };
        desk.note(Record::Start(Start {
            build: Build::from_bytes(b"crasher"),
            config_hash: 0,
            input_hash: 0,
            mode: Mode::Paper,
            account: AccountId(1),
            kept: kept.unwrap_or_else(|| Kept::first(1, Money::from_usd(1_000))),
        }))?;
        desk.note(Record::Contract(contract()?))?;
        Ok(desk)
    }

    fn note(&mut self, record: Record) -> Result<(), Failed> {
        let moment = Moment::default();
        let sequence = self.writer.append(&moment, &record)?;
        self.state.fold(&Entry {
            sequence,
            moment,
            record,
        });
        Ok(())
    }

    fn stop_at(&self, point: &str, signal: u64) -> Result<(), Failed> {
        if self.stop != Some((point.to_owned(), signal)) {
            return Ok(());
        }
        println!("at");
        io::stdout().flush()?;
        loop {
            thread::park();
        }
    }

    /// Which order of the venue's is this?
    fn find(&self, id: ClientOrderId) -> Result<Option<u32>, Failed> {
        for (id_at_venue, _, quantity) in orders(&self.venue)? {
            if id_at_venue == id.0 {
                return Ok(Some(quantity));
            }
        }
        Ok(None)
    }

    /// No new order before it is known what became of the old ones.
    fn ask_for_the_unknown(&mut self) -> Result<(), Failed> {
        let open: Vec<_> = self.state.open_orders().map(|(id, _)| id).collect();
        for id in open {
            match self.find(id)? {
                Some(quantity) => self.hear(id, quantity)?,
                None => self.report(id, ReportKind::Absent { filled: 0 })?,
            }
        }
        Ok(())
    }

    fn follow(&mut self, signal: u64) -> Result<(), Failed> {
        let is_of = |of: SignalId, filled| of == SignalId(signal) && filled > 0;
        let mut orders = self.state.orders();
        if orders.any(|(_, order)| is_of(order.intent.signal_id, order.life.filled())) {
            return Ok(());
        }
        drop(orders);
        let id = self.state.next_id();
        self.stop_at("before-intent", signal)?;
        self.note(Record::Intent(Intended {
            id,
            ts: Nanos(signal),
            intent: intent(signal),
        }))?;
        self.stop_at("after-intent", signal)?;
        self.note(Record::Placed(id))?;
        send(&self.venue, id, signal)?;
        self.stop_at("after-send", signal)?;
        self.report(id, ReportKind::Sent)?;
        self.report(id, ReportKind::Acked(VenueOrderId(id.0)))?;
        self.writer.flush()?;
        self.stop_at("after-ack", signal)?;
        self.hear(id, 1)?;
        self.stop_at("after-fill", signal)
    }

    /// The venue says that all of it was executed.
    fn hear(&mut self, id: ClientOrderId, quantity: u32) -> Result<(), Failed> {
        self.report(
            id,
            ReportKind::Executed(Execution {
                id: ExecutionId {
                    base: id.0,
                    revision: 0,
                },
                side: Side::Bid,
                quantity,
                price: Price(100 * POINT),
                fee: Some(Money(5)),
            }),
        )
    }

    fn report(&mut self, id: ClientOrderId, kind: ReportKind) -> Result<(), Failed> {
        self.note(Record::Report(ExecReport {
            id,
            contract: KEY,
            ts_event: Nanos(id.0),
            kind,
        }))
    }
}

/// The venue takes an order.
fn send(venue: &Path, id: ClientOrderId, signal: u64) -> Result<(), Failed> {
    let mut file = OpenOptions::new().create(true).append(true).open(venue)?;
    writeln!(file, "{} {signal} 1", id.0)?;
    Ok(())
}

/// Id, signal and quantity of every order that the venue has.
fn orders(venue: &Path) -> Result<Vec<(u64, u64, u32)>, Failed> {
    let text = match fs::read_to_string(venue) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let order = |line: &str| -> Option<(u64, u64, u32)> {
        let mut words = line.split(' ');
        let mut number = || words.next()?.parse().ok();
        Some((number()?, number()?, u32::try_from(number()?).ok()?))
    };
    let orders: Option<Vec<_>> = text.lines().map(order).collect();
    orders.ok_or_else(|| "the venue's file makes no sense".into())
}

fn contract() -> Result<Contract, Failed> {
    Ok(Contract {
        key: KEY,
        kind: ContractKind::Stock,
        multiplier: Multiplier::new(POINT).map_err(|error| error.to_string())?,
        tick: TickRule::Flat(Price(POINT / 100)),
        sign: PriceSign::Positive,
        expiry: Nanos::UNDEFINED,
        currency: Text::from_bytes(b"USD"),
        underlying: KEY.instrument_id,
    })
}

fn intent(signal: u64) -> Intent {
    Intent {
        contract: KEY,
        side: Side::Bid,
        quantity: 1,
        price: Price(100 * POINT),
        style: Style::Limit,
        tif: Tif::Day,
        purpose: Purpose::Open,
        confidence: Confidence::MAX,
        signal_id: SignalId(signal),
        strategy: StrategyId(0),
        ts_event: Nanos(signal),
        reference: Quote::NONE,
        stop: Price::UNDEFINED,
        data_cost: Money::ZERO,
        good_for_ns: 0,
    }
}

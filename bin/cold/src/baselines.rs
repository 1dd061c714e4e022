//! What was usual on the days before, kept in a file.
//!
//! After a session [`rows_of`] sums up its windows, and [`Store::save`] puts the rows, and what was
//! traded of options by the time of day, in place of any that the file has of that day. Before the
//! next one [`Store::load`] gives them all back, and [`lookback`] says which days count. The file is
//! lines of text under a version, with a checksum as its last line; it is written beside and renamed,
//! so it is whole or as it was. A file that is not whole is refused, never read in part.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use undertow_core::types::{BookKey, Price, Text};
use undertow_strategies::calendar::{Calendar, Day, OutOfRange, Venue};
use undertow_strategies::ifd::baseline::{Bucket, Key, Row, Sums};
use undertow_strategies::ifd::desk::Window;
use undertow_strategies::options::Right;
use undertow_strategies::trade::chain::hours::DayVolumes;

/// First line of the file; the number grows when its form changes.
const VERSION: &str = "undertow baselines 2";
/// The same before volumes were kept. All else is alike.
const VERSION_WITHOUT_VOLUMES: &str = "undertow baselines 1";
const COLUMNS: &str =
    "day,product,bucket,place,right,windows,buy_ratio,sell_ratio,volume,confidence";
/// Stands where a row has its bucket: the first step since the session's open follows, and what was
/// traded in it and in each that came after.
const VOLUMES: &str = "volumes";
/// Trading days kept: three times what is looked back, for a day that must be done again.
const DAYS_KEPT: usize = 60;
/// Minutes of the windows that rows are made of.
const MINUTES: u64 = 5;

/// Why baselines could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not what was written.
    #[error("{path}, line {line}: {what}; move the file away to start without history")]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
}

/// What the file holds, by day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Pressure by place in the chain.
    pub rows: Vec<Row>,
    /// What was traded of options by the time of day.
    pub volumes: Vec<DayVolumes>,
}

/// The file of baselines.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
}

impl Store {
    /// The store in this file, which need not be there yet.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// All of it, by day, place and product; nothing if there is no file yet.
    ///
    /// # Errors
    /// The file cannot be read, or is not whole.
    pub fn load(&self) -> Result<History, BaselineError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => read(&self.path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(History::default()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Puts the rows of one day, and volumes of whatever days they are of, in place of those that the
    /// file has of them. Of too many days the oldest are dropped.
    ///
    /// # Errors
    /// The file cannot be read or written, or is not whole: then it stays as it is.
    pub fn save(
        &self,
        day: Day,
        rows: &[Row],
        volumes: &[DayVolumes],
    ) -> Result<(), BaselineError> {
        let mut all = self.load()?;
        all.rows.retain(|row| row.day != day);
        all.rows.extend(rows.iter().filter(|row| row.day == day));
        all.rows.sort_by_key(|row| (row.day, row.key));
        let name = |of: &DayVolumes| (of.day, of.product.as_str().to_owned());
        let are_new: BTreeSet<_> = volumes.iter().map(name).collect();
        all.volumes.retain(|it| !are_new.contains(&name(it)));
        all.volumes.extend_from_slice(volumes);
        all.volumes.sort_by_key(name);
        let rows = all.rows.iter().map(|row| row.day);
        let days: BTreeSet<_> = rows.chain(all.volumes.iter().map(|it| it.day)).collect();
        if let Some(first) = days.iter().rev().nth(DAYS_KEPT - 1).copied() {
            all.rows.retain(|row| row.day >= first);
            all.volumes.retain(|it| it.day >= first);
        }
        let beside = self.path.with_extension("new");
        fs::write(&beside, write(&all)).map_err(|error| self.failed(error))?;
        fs::rename(&beside, &self.path).map_err(|error| self.failed(error))
    }

    fn failed(&self, source: io::Error) -> BaselineError {
        BaselineError::File {
            path: self.path.clone(),
            source,
        }
    }
}

/// The days that count for `today`: so many Globex trading days before it, without it.
///
/// # Errors
/// The calendar does not reach so far.
pub fn lookback(calendar: &Calendar, today: Day, days: usize) -> Result<Range<Day>, OutOfRange> {
    let mut first = today;
    for _ in 0..days {
        first = calendar.previous_trading_day(Venue::Globex, first)?;
    }
    Ok(first..today)
}

/// A day's windows of five minutes as rows, by strike and by moneyness; `product` names what an
/// underlying is. Windows whose underlying nobody knows are left out.
pub fn rows_of<'a>(
    windows: impl IntoIterator<Item = &'a Window>,
    day: Day,
    product: impl Fn(BookKey) -> Option<Text<11>>,
) -> Vec<Row> {
    let mut places: BTreeMap<Key, Sums> = BTreeMap::new();
    for window in windows.into_iter().filter(|it| it.minutes == MINUTES) {
        let contract = &window.contract;
        let Some(product) = contract.underlying.and_then(&product) else {
            continue;
        };
        let by_moneyness = window
            .spot
            .and_then(|spot| Bucket::moneyness(contract.strike, spot));
        for bucket in [Some(Bucket::Strike(contract.strike)), by_moneyness] {
            let Some(bucket) = bucket else { continue };
            let key = Key {
                product,
                bucket,
                right: contract.right,
            };
            places.entry(key).or_default().add(&window.tally);
        }
    }
    let rows = places.iter();
    rows.filter_map(|(key, sums)| sums.row(day, *key)).collect()
}

fn write(history: &History) -> String {
    let mut text = format!("{VERSION}\n{COLUMNS}\n");
    for row in &history.rows {
        let (bucket, place) = match row.key.bucket {
            Bucket::Strike(strike) => ("strike", strike.0),
            Bucket::Moneyness(steps) => ("moneyness", i64::from(steps)),
        };
        let right = match row.key.right {
            Right::Call => 'C',
            Right::Put => 'P',
        };
        // A float is printed as the shortest text that reads back as itself.
        let _ = writeln!(
            text,
            "{},{},{bucket},{place},{right},{},{},{},{},{}",
            row.day,
            row.key.product,
            row.windows,
            row.buy_ratio,
            row.sell_ratio,
            row.volume,
            row.confidence,
        );
    }
    for of in &history.volumes {
        let steps = of.steps.iter().map(u64::to_string);
        let steps = steps.collect::<Vec<_>>().join(" ");
        let (day, product, first) = (of.day, of.product, of.first);
        let _ = writeln!(text, "{day},{product},{VOLUMES},{first},{steps}");
    }
    let _ = writeln!(text, "{:016x}", checksum(&text));
    text
}

fn read(path: &Path, text: &str) -> Result<History, BaselineError> {
    let broken = |line, what| BaselineError::Broken {
        path: path.to_owned(),
        line,
        what,
    };
    let lines = text.lines().count();
    let body = text.strip_suffix('\n').unwrap_or(text);
    let (body, sum) = body.rsplit_once('\n').unwrap_or(("", body));
    let version = text.lines().next().unwrap_or("");
    if ![VERSION, VERSION_WITHOUT_VOLUMES].contains(&version) {
        return Err(broken(1, "not the baselines of this version"));
    }
    let has_sum = sum.len() == 16 && text.ends_with('\n');
    let sum = u64::from_str_radix(sum, 16).ok().filter(|_| has_sum);
    if sum != Some(checksum(&text[..(body.len() + 1).min(text.len())])) {
        return Err(broken(lines, "the checksum is not that of the file"));
    }
    let mut history = History::default();
    for (at, line) in body.lines().enumerate().skip(2) {
        if let Some(row) = row(line) {
            history.rows.push(row);
        } else if let Some(volumes) = volumes(line) {
            history.volumes.push(volumes);
        } else {
            return Err(broken(at + 1, "not a row"));
        }
    }
    Ok(history)
}

fn volumes(line: &str) -> Option<DayVolumes> {
    let cells: Vec<&str> = line.split(',').collect();
    let [day, product, VOLUMES, first, steps] = cells[..] else {
        return None;
    };
    let steps = steps.split(' ').map(|step| step.parse().ok());
    Some(DayVolumes {
        day: Day::from_iso(day)?,
        product: Text::from_bytes(product.as_bytes()),
        first: first.parse().ok()?,
        steps: steps.collect::<Option<_>>()?,
    })
}

fn row(line: &str) -> Option<Row> {
    let cells: Vec<&str> = line.split(',').collect();
    let [day, product, bucket, place, right, windows, numbers @ ..] = cells.as_slice() else {
        return None;
    };
    let numbers: Vec<f64> = numbers.iter().filter_map(|it| it.parse().ok()).collect();
    let [buy_ratio, sell_ratio, volume, confidence] = numbers[..] else {
        return None;
    };
    numbers.iter().all(|it| it.is_finite()).then_some(())?;
    Some(Row {
        day: Day::from_iso(day)?,
        key: Key {
            product: Text::from_bytes(product.as_bytes()),
            bucket: match *bucket {
                "strike" => Bucket::Strike(Price(place.parse().ok()?)),
                "moneyness" => Bucket::Moneyness(place.parse().ok()?),
                _ => return None,
            },
            right: match *right {
                "C" => Right::Call,
                "P" => Right::Put,
                _ => return None,
            },
        },
        windows: windows.parse().ok()?,
        buy_ratio,
        sell_ratio,
        volume,
        confidence,
    })
}

/// FNV-1a over the bytes.
fn checksum(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use undertow_core::types::{InstrumentId, Nanos, PublisherId, Side};
    use undertow_strategies::ifd::desk::Contract;
    use undertow_strategies::ifd::pressure::Tally;

    const UNDERLYING: BookKey = BookKey {
        instrument_id: InstrumentId(7),
        publisher_id: PublisherId(1),
    };

    fn points(points: i64) -> Price {
        Price(points * Price::PER_POINT)
    }

    fn window(strike: i64, minutes: u64, buy: u32, sell: u32) -> Window {
        let mut tally = Tally::default();
        tally.add(Side::Bid, points(10), buy);
        tally.add(Side::Ask, points(10), sell);
        Window {
            contract: Contract {
                key: BookKey::default(),
                strike: points(strike),
                expiry: Nanos(1),
                right: Right::Call,
                underlying: Some(UNDERLYING),
            },
            start: Nanos(1),
            minutes,
            tally,
            spot: Some(points(24_812)),
        }
    }

    fn nq(key: BookKey) -> Option<Text<11>> {
        (key == UNDERLYING).then(|| Text::from_bytes(b"NQ"))
    }

    fn some_rows(day: Day) -> Vec<Row> {
        let windows = [
            window(24_800, 5, 30, 10),
            window(24_800, 5, 10, 30),
            window(24_825, 5, 7, 0),
            window(24_825, 1, 9, 1),
        ];
        rows_of(&windows, day, nq)
    }

    fn some_volumes(day: i32, product: &str, steps: &[u64]) -> DayVolumes {
        DayVolumes {
            day: Day(day),
            product: Text::from_bytes(product.as_bytes()),
            first: 204,
            steps: steps.to_vec(),
        }
    }

    #[test]
    fn windows_of_five_minutes_become_rows_by_strike_and_by_moneyness() {
        let rows = some_rows(Day(20_000));
        assert_eq!(rows.len(), 3, "two strikes in one bucket");
        let strike = &rows[0];
        assert_eq!(strike.key.bucket, Bucket::Strike(points(24_800)));
        let third = 1.0 / 3.0;
        assert!((strike.buy_ratio - (3.0 + third) / 2.0).abs() < 1e-12);
        assert!((strike.sell_ratio - (3.0 + third) / 2.0).abs() < 1e-12);
        assert_eq!((strike.windows, strike.volume), (2, 40.0));
        let alone = &rows[1];
        assert_eq!((alone.buy_ratio, alone.sell_ratio), (10.0, 0.0));
        let bucket = &rows[2];
        assert_eq!(bucket.key.bucket, Bucket::Moneyness(0));
        assert_eq!(bucket.windows, 3);
    }

    #[test]
    fn rows_come_back_as_they_were_and_a_day_replaces_itself() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path().join("baselines.csv"));
        assert_eq!(store.load().unwrap(), History::default());
        let (first, second) = (some_rows(Day(20_000)), some_rows(Day(20_001)));
        let [early, late, es] = [(20_000, "NQ"), (20_001, "NQ"), (20_001, "ES")]
            .map(|(day, product)| some_volumes(day, product, &[4, 0, u64::MAX]));
        store
            .save(Day(20_001), &second, &[late, es.clone()])
            .unwrap();
        store
            .save(Day(20_000), &first, std::slice::from_ref(&early))
            .unwrap();
        let late = some_volumes(20_001, "NQ", &[7]);
        store
            .save(Day(20_001), &second[..1], std::slice::from_ref(&late))
            .unwrap();
        let expected = History {
            rows: [&first[..], &second[..1]].concat(),
            volumes: vec![early, es, late],
        };
        assert_eq!(store.load().unwrap(), expected);
    }

    #[test]
    fn a_file_of_the_version_before_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("baselines.csv");
        let store = Store::at(&path);
        let rows = some_rows(Day(20_000));
        store.save(Day(20_000), &rows, &[]).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace(VERSION, VERSION_WITHOUT_VOLUMES);
        let end = text.trim_end().rfind('\n').unwrap() + 1;
        let text = format!("{}{:016x}\n", &text[..end], checksum(&text[..end]));
        fs::write(&path, text).unwrap();
        assert_eq!(store.load().unwrap().rows, rows);
    }

    #[test]
    fn oldest_days_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path().join("baselines.csv"));
        for day in 0..i32::try_from(DAYS_KEPT).unwrap() + 3 {
            let rows = some_rows(Day(20_000 + day));
            let volumes = some_volumes(20_000 + day, "NQ", &[1]);
            store
                .save(Day(20_000 + day), &rows[..1], &[volumes])
                .unwrap();
        }
        let history = store.load().unwrap();
        let days: Vec<_> = history.rows.iter().map(|row| row.day.0).collect();
        assert_eq!((days.len(), days[0]), (DAYS_KEPT, 20_003));
        let of_volumes: Vec<_> = history.volumes.iter().map(|it| it.day.0).collect();
        assert_eq!(of_volumes, days);
    }

    #[test]
    fn a_file_that_is_not_whole_is_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("baselines.csv");
        let store = Store::at(&path);
        let volumes = [some_volumes(20_000, "NQ", &[3, 5])];
        store
            .save(Day(20_000), &some_rows(Day(20_000)), &volumes)
            .unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(store.load().is_err(), "cut at {cut}");
        }
        fs::write(&path, whole.replace("NQ", "ES")).unwrap();
        let error = store.load().unwrap_err().to_string();
        assert!(error.contains("line 7: the checksum"), "{error}");
        let before = fs::read_to_string(&path).unwrap();
        assert!(
            store
                .save(Day(20_001), &some_rows(Day(20_001)), &[])
                .is_err()
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
    }

    #[test]
    fn lookback_counts_trading_days_and_ends_before_today() {
        let calendar = Calendar::built_in();
        // Wednesday 2026-03-11; the weekends between do not count.
        let today = Day::from_iso("2026-03-11").unwrap();
        let days = lookback(&calendar, today, 5).unwrap();
        assert_eq!(days.start, Day::from_iso("2026-03-04").unwrap());
        assert_eq!(days.end, today);
    }
}

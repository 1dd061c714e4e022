//! What is written is read back with dbn's own decoder and held against a naive twin: maps of
//! queues, the obvious code.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;

use dbn::decode::{DbnMetadata, DecodeRecordRef, dbn::Decoder};
use dbn::{
    InstrumentDefMsg, MboMsg, Metadata, RecordRef, StatMsg, StatType, StatusAction, StatusMsg,
};

use super::*;

const ACTIONS: [u8; 6] = *b"ACMTFR";

fn small(seed: u64) -> SessionConfig {
    SessionConfig {
        seed,
        minutes: 60,
        messages: 150_000,
        expiries: 3,
        strikes: 12,
        resting: 400,
        ..SessionConfig::demo()
    }
}

fn generate(config: &SessionConfig) -> (Vec<u8>, Truth, Counts) {
    let mut bytes = Vec::new();
    let mut truth = Truth::default();
    let counts = write_session(config, &mut bytes, &mut truth).unwrap();
    (bytes, truth, counts)
}

fn for_each_record(bytes: impl Read, mut visit: impl FnMut(RecordRef<'_>)) -> Metadata {
    let mut decoder = Decoder::new(bytes).unwrap();
    while let Some(record) = decoder.decode_record_ref().unwrap() {
        visit(record);
    }
    decoder.metadata().clone()
}

fn mbo_records(bytes: &[u8]) -> Vec<MboMsg> {
    let mut records = Vec::new();
    for_each_record(bytes, |record| {
        records.extend(record.get::<MboMsg>().cloned())
    });
    records
}

/// FNV-1a by eight bytes: the same in every build, so that it can be written down.
fn hash(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, word: &[u8]| {
        let word = word
            .iter()
            .rev()
            .fold(0, |word, &byte| word << 8 | u64::from(byte));
        (hash ^ word)
            .wrapping_mul(0x0000_0100_0000_01B3)
            .rotate_left(29)
    };
    bytes.chunks(8).fold(0xCBF2_9CE4_8422_2325, mix)
}

/// A book as maps of queues.
#[derive(Default)]
struct Twin {
    /// Per side (bid first) and price: ids in priority order.
    queues: [BTreeMap<i64, Vec<u64>>; 2],
    orders: HashMap<u64, (usize, i64, u32)>,
    /// Fills of the event in hand, which its Cancels and Modifies must account for.
    filled: BTreeMap<u64, u32>,
    refilled: BTreeSet<u64>,
    faults: Vec<String>,
}

impl Twin {
    fn apply(&mut self, record: &MboMsg) {
        let id = record.order_id;
        match record.action as u8 {
            b'A' => {
                let side = usize::from(record.side as u8 == b'A');
                if self
                    .orders
                    .insert(id, (side, record.price, record.size))
                    .is_some()
                {
                    self.faults.push(format!("duplicate add of {id}"));
                }
                self.queues[side].entry(record.price).or_default().push(id);
            }
            b'C' => match self.orders.get(&id).copied() {
                None => self.faults.push(format!("cancel of unknown {id}")),
                Some((_, price, size)) => {
                    if (price, size) != (record.price, record.size) {
                        self.faults
                            .push(format!("cancel of {id} at another price or size"));
                    }
                    self.remove(id);
                }
            },
            b'M' => self.modify(record),
            b'F' => self.fill(record),
            b'R' => {
                *self = Self {
                    faults: std::mem::take(&mut self.faults),
                    ..Self::default()
                }
            }
            _ => {}
        }
        if record.flags.is_last() {
            self.filled.clear();
        }
    }

    fn modify(&mut self, record: &MboMsg) {
        let id = record.order_id;
        let Some((side, price, size)) = self.orders.get(&id).copied() else {
            return self.faults.push(format!("modify of unknown {id}"));
        };
        let is_refill = self.filled.contains_key(&id) && size == record.size;
        if is_refill {
            self.refilled.insert(id);
        }
        if price != record.price || size < record.size || is_refill {
            self.remove(id);
            self.queues[side].entry(record.price).or_default().push(id);
        }
        self.orders.insert(id, (side, record.price, record.size));
    }

    /// A fill must hit the first in line who still has size in this event.
    fn fill(&mut self, record: &MboMsg) {
        let id = record.order_id;
        let Some(&(side, price, size)) = self.orders.get(&id) else {
            return self.faults.push(format!("fill of unknown {id}"));
        };
        let left = |id: &u64| {
            let size = self.orders[id].2;
            self.filled.get(id).is_none_or(|&filled| filled < size)
        };
        let first = self.queues[side][&price].iter().find(|id| left(id));
        let is_first = first == Some(&id) || self.refilled.contains(&id);
        let is_refilled = size <= self.filled.get(&id).copied().unwrap_or(0);
        if !is_first && !is_refilled {
            self.faults
                .push(format!("fill of {id}, but {first:?} is first in line"));
        }
        *self.filled.entry(id).or_default() += record.size;
    }

    fn remove(&mut self, id: u64) {
        let (side, price, _) = self.orders.remove(&id).unwrap();
        let queue = self.queues[side].get_mut(&price).unwrap();
        queue.retain(|&other| other != id);
        if queue.is_empty() {
            self.queues[side].remove(&price);
        }
    }

    fn best_bid(&self) -> Option<i64> {
        self.queues[0].keys().next_back().copied()
    }

    fn best_ask(&self) -> Option<i64> {
        self.queues[1].keys().next().copied()
    }
}

#[test]
fn same_seed_gives_same_bytes_and_another_seed_others() {
    let (first, first_truth, _) = generate(&small(7));
    let (second, second_truth, _) = generate(&small(7));
    assert_eq!(hash(&first), hash(&second));
    assert_eq!(first_truth, second_truth);
    assert_ne!(hash(&first), hash(&generate(&small(8)).0));
}

/// Everything in a session that is no order.
#[derive(Default)]
struct Reference {
    records: u64,
    definitions: BTreeMap<u32, InstrumentDefMsg>,
    open_interest: BTreeMap<u32, i64>,
    settled: BTreeSet<u32>,
    cleared: BTreeMap<u32, i64>,
    statuses: BTreeMap<u32, Vec<u16>>,
    /// Clears, Adds and LASTs of the snapshots.
    snapshots: BTreeMap<u32, [usize; 3]>,
}

impl Reference {
    fn note(&mut self, record: RecordRef<'_>) {
        self.records += 1;
        let id = record.header().instrument_id;
        if let Some(definition) = record.get::<InstrumentDefMsg>() {
            assert!(self.definitions.insert(id, definition.clone()).is_none());
        } else if let Some(stat) = record.get::<StatMsg>() {
            match stat.stat_type().unwrap() {
                StatType::OpenInterest => self.open_interest.insert(id, stat.quantity).is_none(),
                StatType::SettlementPrice => self.settled.insert(id),
                StatType::ClearedVolume => self.cleared.insert(id, stat.quantity).is_none(),
                other => panic!("unexpected statistic {other:?}"),
            };
        } else if let Some(status) = record.get::<StatusMsg>() {
            self.statuses.entry(id).or_default().push(status.action);
        } else if let Some(mbo) = record.get::<MboMsg>()
            && mbo.flags.is_snapshot()
        {
            let [clears, adds, lasts] = self.snapshots.entry(id).or_default();
            *clears += usize::from(mbo.action as u8 == b'R');
            *adds += usize::from(mbo.action as u8 == b'A');
            *lasts += usize::from(mbo.flags.is_last());
            assert!(mbo.flags.is_bad_ts_recv());
        }
    }
}

#[test]
fn session_opens_with_reference_data_and_snapshots_and_ends_with_the_close() {
    let (bytes, _, counts) = generate(&small(3));
    let mut seen = Reference::default();
    let metadata = for_each_record(&bytes[..], |record| seen.note(record));
    let listed = 3 + 3 * 12 * 2;
    assert_eq!(seen.records, counts.total());
    assert_eq!(
        (metadata.version, metadata.dataset.as_str()),
        (3, "GLBX.MDP3")
    );
    assert_eq!(seen.definitions.len(), listed);
    assert_eq!(
        (seen.open_interest.len(), seen.settled.len()),
        (listed, listed)
    );
    assert!(seen.open_interest.values().all(|&quantity| 0 <= quantity));
    assert_eq!(seen.snapshots.len(), listed);
    let is_whole = |&[clears, adds, lasts]: &[usize; 3]| (clears, lasts) == (1, 1) && 0 < adds;
    assert!(seen.snapshots.values().all(is_whole));
    let phases = [
        StatusAction::PreOpen,
        StatusAction::Trading,
        StatusAction::Close,
    ];
    let phases = phases.map(|phase| phase as u16);
    assert!(seen.statuses.values().all(|actions| actions[..] == phases));
    assert_eq!(metadata.mappings.len(), listed);
    for (id, definition) in &seen.definitions {
        let mapping = metadata
            .mappings
            .iter()
            .find(|it| it.intervals[0].symbol == id.to_string());
        assert_eq!(
            mapping.unwrap().raw_symbol,
            definition.raw_symbol().unwrap()
        );
    }
}

#[test]
fn definitions_carry_the_terms_of_the_contract() {
    let (bytes, _, _) = generate(&small(3));
    let mut seen = Reference::default();
    for_each_record(&bytes[..], |record| seen.note(record));
    let named = |name| {
        let mut definitions = seen.definitions.values();
        definitions
            .find(|it| it.raw_symbol().unwrap() == name)
            .unwrap()
    };
    for (id, interest) in &seen.open_interest {
        assert_eq!(seen.cleared[id], interest / 3, "volume of the day before");
    }
    let option = named("Q2CH6 C24825");
    assert_eq!(option.strike_price, 24_825_000_000_000);
    assert_eq!(option.unit_of_measure_qty, 20_000_000_000);
    assert_eq!(option.min_price_increment, 50_000_000);
    assert_eq!(
        (option.instrument_class as u8, option.asset().unwrap()),
        (b'C', "Q2C")
    );
    assert_eq!(option.expiration, 1_773_259_200_000_000_000);
    assert_eq!(option.underlying_id, FRONT_ID);
    let future = named("NQH6");
    assert_eq!(future.hd.instrument_id, FRONT_ID);
    assert_eq!(
        (future.strike_price, future.min_price_increment),
        (i64::MAX, 250_000_000)
    );
    assert_eq!(named("MNQH6").unit_of_measure_qty, 2_000_000_000);
}

#[test]
fn twin_book_finds_nothing_unknown_nothing_crossed_and_every_fill_first_in_line() {
    let config = small(11);
    let (bytes, truth, _) = generate(&config);
    let icebergs: BTreeSet<u64> = native_icebergs(&truth);
    let mut twins: BTreeMap<u32, Twin> = BTreeMap::new();
    let mut trading = BTreeSet::new();
    let mut open = 0;
    let mut crossed_before_open = 0;
    let mut closing = [0_usize; 2];
    for_each_record(&bytes[..], |record| {
        let id = record.header().instrument_id;
        if let Some(status) = record.get::<StatusMsg>() {
            if status.action == StatusAction::Trading as u16 {
                trading.insert(id);
                open = status.hd.ts_event;
            }
            return;
        }
        let Some(mbo) = record.get::<MboMsg>() else {
            return;
        };
        let twin = twins.entry(id).or_default();
        twin.refilled.extend(&icebergs);
        twin.apply(mbo);
        let (bid, ask) = (twin.best_bid(), twin.best_ask());
        if mbo.flags.is_last() && bid.zip(ask).is_some_and(|(bid, ask)| ask <= bid) {
            // The opening auctions run through the contracts within a millisecond.
            assert!(
                mbo.hd.ts_event <= open + 1_000_000 || open == 0,
                "crossed in trading: {mbo:?}"
            );
            crossed_before_open += 1;
        }
    });
    assert_eq!(trading.len(), twins.len());
    assert!(0 < crossed_before_open, "the auction had nothing to match");
    for (id, twin) in &twins {
        assert!(
            twin.faults.is_empty(),
            "{id}: {:?}",
            &twin.faults[..twin.faults.len().min(5)]
        );
        for (side, queues) in twin.queues.iter().enumerate() {
            let queued: usize = queues.values().map(Vec::len).sum();
            let resting = twin.orders.values().filter(|order| order.0 == side).count();
            assert_eq!(queued, resting);
            closing[side] += queued;
        }
    }
    assert!(
        closing.iter().all(|&orders| 400 < orders),
        "a side dried up: {closing:?}"
    );
}

fn native_icebergs(truth: &Truth) -> BTreeSet<u64> {
    let mut ids = BTreeSet::new();
    for planted in &truth.planted {
        if let Activity::Iceberg {
            native: true,
            orders,
            ..
        } = &planted.activity
        {
            ids.extend(orders);
        }
    }
    ids
}

#[test]
fn trades_print_as_cme_prints_them() {
    let (bytes, _, _) = generate(&small(5));
    let mut events = 0;
    let mut event: Vec<MboMsg> = Vec::new();
    for record in mbo_records(&bytes)
        .into_iter()
        .skip_while(|it| it.flags.is_snapshot())
    {
        if let Some(first) = event.first() {
            assert_eq!(first.hd.instrument_id, record.hd.instrument_id);
            assert_eq!(first.hd.ts_event, record.hd.ts_event);
        }
        let is_last = record.flags.is_last();
        event.push(record);
        if !is_last {
            continue;
        }
        if event[0].action as u8 == b'T' {
            events += 1;
            check_trade_event(&event);
        } else if !event[0].flags.is_snapshot() {
            assert_eq!(event.len(), 1);
        }
        event.clear();
    }
    assert!(1_000 < events, "{events}");
    assert!(event.is_empty(), "the stream ends within an event");
}

/// Trade–Fill… per price, then Cancel/Modify of each filled order, then at most one Add.
fn check_trade_event(event: &[MboMsg]) {
    let order: String = event.iter().map(|it| it.action as u8 as char).collect();
    let changes = order.find(['C', 'M']).unwrap();
    let (prints, changes) = order.split_at(changes);
    assert!(
        prints.chars().all(|it| "TF".contains(it)) && !prints.contains("TT"),
        "{order}"
    );
    assert!(
        changes
            .trim_end_matches('A')
            .chars()
            .all(|it| "CM".contains(it)),
        "{order}"
    );
    let sum = |action: u8, sides: &[u8]| -> u64 {
        let is_meant = |it: &&MboMsg| it.action as u8 == action && sides.contains(&(it.side as u8));
        event
            .iter()
            .filter(is_meant)
            .map(|it| u64::from(it.size))
            .sum()
    };
    let aggressor = event[0].side as u8;
    let traded = sum(b'T', b"BAN");
    if aggressor == b'N' {
        // An auction has no aggressor: both sides are filled in full.
        assert_eq!([sum(b'F', b"B"), sum(b'F', b"A")], [traded, traded]);
    } else {
        let resting = if aggressor == b'B' { b"A" } else { b"B" };
        assert_eq!([sum(b'F', resting), sum(b'F', b"BAN")], [traded, traded]);
    }
    let filled: BTreeSet<_> = event
        .iter()
        .filter(|it| it.action as u8 == b'F')
        .map(|it| it.order_id)
        .collect();
    let changed: BTreeSet<_> = event
        .iter()
        .filter(|it| b"CM".contains(&(it.action as u8)))
        .map(|it| it.order_id)
        .collect();
    assert_eq!(filled, changed);
}

#[test]
fn times_only_grow_and_receive_follows_event() {
    let (bytes, _, _) = generate(&small(5));
    let mut before = [0, 0];
    for record in mbo_records(&bytes) {
        assert!(before[0] <= record.hd.ts_event && before[1] <= record.ts_recv);
        assert!(record.hd.ts_event <= record.ts_recv);
        before = [record.hd.ts_event, record.ts_recv];
    }
}

#[test]
fn message_count_comes_out_near_what_was_asked_for() {
    let (_, _, counts) = generate(&small(5));
    let off = counts.total().abs_diff(150_000) as f64 / 150_000.0;
    assert!(off < 0.05, "{counts:?}");
}

#[test]
fn arrivals_cluster_beyond_chance() {
    let (bytes, _, _) = generate(&SessionConfig {
        plantings: Plantings::NONE,
        ..small(9)
    });
    let records = mbo_records(&bytes);
    let start = records
        .iter()
        .find(|it| it.action as u8 == b'T')
        .unwrap()
        .hd
        .ts_event;
    // Events of ten minutes in the middle, where the day's shape is flat, per 100 ms.
    let [from, to] = [start + 1_500_000_000_000, start + 2_100_000_000_000];
    let mut counts = vec![0.0_f64; 6_000];
    for record in records.iter().filter(|it| it.flags.is_last()) {
        if (from..to).contains(&record.hd.ts_event) {
            counts[((record.hd.ts_event - from) / 100_000_000) as usize] += 1.0;
        }
    }
    let mean = counts.iter().sum::<f64>() / counts.len() as f64;
    let variance = counts
        .iter()
        .map(|it| (it - mean) * (it - mean))
        .sum::<f64>()
        / counts.len() as f64;
    assert!(0.5 < mean, "{mean}");
    assert!(
        3.0 < variance / mean,
        "index of dispersion {}, Poisson is 1",
        variance / mean
    );
}

#[test]
fn order_sizes_have_a_heavy_tail_and_activity_is_near_the_touch() {
    let mut bytes = Vec::new();
    write_one(200_000, 4, &mut bytes).unwrap();
    let mut twin = Twin::default();
    let mut sizes = Vec::new();
    let mut near = [0_u32; 2];
    for (i, record) in mbo_records(&bytes).into_iter().enumerate() {
        if i > 20_000 && record.action as u8 == b'A' {
            sizes.push(record.size);
            let touch = if record.side as u8 == b'B' {
                twin.best_bid()
            } else {
                twin.best_ask()
            };
            let ticks = (record.price - touch.unwrap()).abs() / 250_000_000;
            near[usize::from(ticks <= 10)] += 1;
        }
        twin.apply(&record);
    }
    assert_eq!(twin.faults, Vec::<String>::new());
    for queues in &twin.queues {
        let resting: usize = queues.values().map(Vec::len).sum();
        assert!(
            (1_000..=5_000).contains(&resting),
            "{resting} orders a side"
        );
    }
    sizes.sort_unstable();
    let quantile = |q: usize| sizes[sizes.len() * q / 1_000];
    assert!(
        quantile(500) <= 2 && 20 <= quantile(990) && 100 <= quantile(999),
        "{:?}",
        [quantile(500), quantile(990), quantile(999)]
    );
    let share = f64::from(near[1]) / f64::from(near[0] + near[1]);
    assert!(0.75 < share, "{share} of adds within 10 ticks of the touch");
}

#[test]
fn activity_is_u_shaped_over_the_day() {
    let config = SessionConfig {
        minutes: 390,
        plantings: Plantings::NONE,
        ..small(2)
    };
    let (bytes, _, _) = generate(&config);
    let records = mbo_records(&bytes);
    let close = records.last().unwrap().hd.ts_event;
    let open = close - 390 * 60_000_000_000;
    let mut thirds = [0_u32; 3];
    for record in records.iter().filter(|it| open < it.hd.ts_event) {
        thirds[(((record.hd.ts_event - open) * 3 / (close - open)) as usize).min(2)] += 1;
    }
    assert!(
        thirds[1] * 13 < thirds[0] * 10 && thirds[1] * 13 < thirds[2] * 10,
        "{thirds:?}"
    );
}

fn planted_kinds(truth: &Truth) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for planted in &truth.planted {
        let kind = match planted.activity {
            Activity::Sweep { .. } => "sweep",
            Activity::Iceberg { .. } => "iceberg",
            Activity::Block { .. } => "block",
            Activity::Pressure { .. } => "pressure",
            Activity::Calm { .. } => "calm",
        };
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

#[test]
fn planted_activity_is_in_the_stream_where_the_truth_says() {
    let (bytes, truth, _) = generate(&SessionConfig {
        minutes: 390,
        messages: 400_000,
        ..small(21)
    });
    let records = mbo_records(&bytes);
    let asked = [
        ("block", 6),
        ("calm", 2),
        ("iceberg", 6),
        ("pressure", 6),
        ("sweep", 8),
    ];
    assert_eq!(planted_kinds(&truth), BTreeMap::from(asked));
    for planted in &truth.planted {
        let inside: Vec<_> = records
            .iter()
            .filter(|it| (planted.ts_start..=planted.ts_end).contains(&it.hd.ts_event))
            .collect();
        let own: Vec<_> = inside
            .iter()
            .copied()
            .filter(|it| it.hd.instrument_id == planted.instrument_id)
            .collect();
        match &planted.activity {
            Activity::Sweep {
                orders,
                levels,
                last_price,
            } => {
                let trades = trades_of(&own, orders);
                assert_eq!(trades.len(), *levels as usize);
                assert_eq!(trades.last().unwrap().price, *last_price);
                assert!(planted.ts_end - planted.ts_start < 50_000_000);
                check_aggressor(planted, &trades, orders);
            }
            Activity::Block { order } => {
                let trades = trades_of(&own, &[*order]);
                assert_eq!(trades.len(), 1);
                assert!(250 <= planted.size);
                check_aggressor(planted, &trades, &[*order]);
            }
            Activity::Pressure { orders } => {
                assert!(20 < orders.len(), "{}", orders.len());
                assert!(60_000_000_000 < planted.ts_end - planted.ts_start);
                check_aggressor(planted, &trades_of(&own, orders), orders);
            }
            Activity::Iceberg { .. } => check_iceberg(planted, &own),
            Activity::Calm { .. } => {
                let rate = |count: usize, span: u64| count as f64 / span as f64;
                let span = planted.ts_end - planted.ts_start;
                let around = records
                    .iter()
                    .filter(|it| planted.ts_start - span <= it.hd.ts_event)
                    .filter(|it| it.hd.ts_event <= planted.ts_end + span)
                    .count()
                    - inside.len();
                let ratio = rate(inside.len(), span) / rate(around, 2 * span);
                assert!(ratio < 0.3, "{ratio}");
            }
        }
    }
}

fn trades_of<'a>(records: &[&'a MboMsg], orders: &[u64]) -> Vec<&'a MboMsg> {
    let is_theirs = |it: &&&MboMsg| it.action as u8 == b'T' && orders.contains(&it.order_id);
    records.iter().filter(is_theirs).copied().collect()
}

fn check_aggressor(planted: &Planted, trades: &[&MboMsg], orders: &[u64]) {
    assert_eq!(trades[0].price, planted.price);
    assert_eq!(trades[0].hd.ts_event, planted.ts_start);
    assert_eq!(trades[trades.len() - 1].hd.ts_event, planted.ts_end);
    assert_eq!(
        trades.iter().map(|it| u64::from(it.size)).sum::<u64>(),
        planted.size
    );
    assert!(trades.iter().all(|it| it.side as u8 == planted.side as u8));
    let seen: BTreeSet<_> = trades.iter().map(|it| it.order_id).collect();
    assert_eq!(seen, orders.iter().copied().collect());
}

fn check_iceberg(planted: &Planted, own: &[&MboMsg]) {
    let Activity::Iceberg {
        native,
        orders,
        slice,
        total,
        refills,
    } = &planted.activity
    else {
        unreachable!("called for icebergs only");
    };
    let theirs: Vec<_> = own
        .iter()
        .filter(|it| orders.contains(&it.order_id))
        .collect();
    let of = |action: u8| theirs.iter().filter(move |it| it.action as u8 == action);
    let filled: u64 = of(b'F').map(|it| u64::from(it.size)).sum();
    assert_eq!(filled, planted.size);
    assert!(of(b'F').all(|it| it.price == planted.price && it.side as u8 == planted.side as u8));
    assert!(of(b'A').all(|it| it.size == *slice));
    assert_eq!(of(b'A').next().unwrap().hd.ts_event, planted.ts_start);
    assert!(3 <= *refills && filled <= u64::from(*total), "{planted:?}");
    if *native {
        assert_eq!((orders.len(), of(b'A').count()), (1, 1));
        assert!(
            filled > u64::from(*slice),
            "more traded than was ever shown at once"
        );
        assert_eq!(
            u64::from(*refills),
            (filled - u64::from(filled == u64::from(*total))) / u64::from(*slice)
        );
    } else {
        assert_eq!(
            (orders.len(), of(b'A').count()),
            (*refills as usize + 1, orders.len())
        );
    }
}

#[test]
fn background_is_the_same_until_something_planted_happens() {
    let with = generate(&small(30));
    let without = generate(&SessionConfig {
        plantings: Plantings::NONE,
        ..small(30)
    });
    let first = with.1.planted.iter().map(|it| it.ts_start).min().unwrap();
    let before = |bytes: &[u8]| {
        let mut records = mbo_records(bytes);
        records.retain(|it| it.hd.ts_event < first);
        records
    };
    let (with, without) = (before(&with.0), before(&without.0));
    assert!(5_000 < with.len());
    assert_eq!(with, without);
}

#[test]
fn truth_is_written_as_json_lines() {
    let (_, truth, _) = generate(&SessionConfig {
        faults: Faults::all(0.0005),
        ..small(6)
    });
    let mut text = Vec::new();
    truth.write_json_lines(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(
        text.lines().count(),
        truth.planted.len() + truth.faults.len()
    );
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            value["kind"].is_string() && value["instrument_id"].is_u64(),
            "{line}"
        );
    }
}

#[test]
fn wrong_configuration_is_refused_with_a_reason() {
    let cases = [
        (
            SessionConfig {
                minutes: 0,
                ..small(1)
            },
            "1 to 1440 minutes",
        ),
        (
            SessionConfig {
                spot: 10,
                ..small(1)
            },
            "between 1000",
        ),
        (
            SessionConfig {
                strikes: 1_999,
                ..small(1)
            },
            "below zero",
        ),
        (
            SessionConfig {
                resting: 3,
                ..small(1)
            },
            "50 to 100000",
        ),
        (
            SessionConfig {
                expiries: 21,
                ..small(1)
            },
            "20 expirations",
        ),
    ];
    for (config, reason) in cases {
        let error = write_session(&config, &mut Vec::new(), &mut Truth::default()).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    assert!(write_chain(0, 10, 1, &mut Vec::new()).is_err());
}

#[test]
fn a_failing_writer_is_told_and_stops_the_session() {
    struct Full(usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or(std::io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = write_session(&small(1), &mut Full(1 << 20), &mut Truth::default()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}

#[test]
fn load_inputs_have_the_asked_count_and_mix() {
    let count = 300_000;
    let mut one = Vec::new();
    let counts = write_one(count, 1, &mut one).unwrap();
    check_load(&one, count, 1, counts);
    let mut fifty = Vec::new();
    let counts = write_fifty(2 * count, 1, &mut fifty).unwrap();
    check_load(&fifty, 2 * count, 50, counts);
    let mut chain = Vec::new();
    let counts = write_chain(1_000, count, 1, &mut chain).unwrap();
    check_load(&chain, count, 1_000, counts);
    let mut again = Vec::new();
    write_chain(1_000, count, 1, &mut again).unwrap();
    assert_eq!(hash(&chain), hash(&again));
    for (count, instruments) in [(0, 1), (1, 1), (999, 3), (5_001, 10_000)] {
        let counts = write_chain(instruments, count, 1, &mut Vec::new()).unwrap();
        assert_eq!(counts.total(), count);
    }
}

/// The mix is that of the second half: the first fills the books.
fn check_load(bytes: &[u8], count: u64, instruments: usize, counts: Counts) {
    let records = mbo_records(bytes);
    assert_eq!((records.len() as u64, counts.total()), (count, count));
    let mut twins: BTreeMap<u32, Twin> = BTreeMap::new();
    for record in &records {
        let twin = twins.entry(record.hd.instrument_id).or_default();
        twin.apply(record);
        if record.flags.is_last() {
            let touch = twin.best_bid().zip(twin.best_ask());
            assert!(touch.is_none_or(|(bid, ask)| bid < ask), "crossed");
        }
    }
    assert_eq!(twins.len(), instruments);
    assert!(twins.values().all(|twin| twin.faults.is_empty()));
    let settled = &records[records.len() / 2..];
    let share = |actions: &[u8]| {
        let count = settled
            .iter()
            .filter(|it| actions.contains(&(it.action as u8)))
            .count();
        count as f64 / settled.len() as f64
    };
    let shares = [share(b"A"), share(b"C"), share(b"M"), share(b"TF")];
    let asked = [0.45, 0.42, 0.08, 0.05];
    for (share, asked) in shares.iter().zip(asked) {
        assert!((share - asked).abs() < 0.03, "{instruments}: {shares:?}");
    }
}

#[test]
fn every_fault_kind_occurs_at_about_its_rate() {
    let rate = 0.002;
    let clean = generate(&small(12)).2;
    let faults = Faults {
        truncated_tail: true,
        ..Faults::all(rate)
    };
    let (_, truth, _) = generate(&SessionConfig {
        faults,
        ..small(12)
    });
    let mut seen: BTreeMap<FaultKind, u64> = BTreeMap::new();
    for fault in &truth.faults {
        *seen.entry(fault.fault).or_default() += 1;
    }
    let records = clean.total() - clean.others;
    let eligible = |kind| match kind {
        FaultKind::UndefinedPrice => clean.adds,
        FaultKind::OversizeCancel => clean.cancels,
        // Nine records in ten end an event.
        FaultKind::MissingLast => records * 9 / 10,
        _ => records,
    };
    assert_eq!(seen.remove(&FaultKind::TruncatedTail), Some(1));
    assert_eq!(seen.len(), 12, "{seen:?}");
    for (kind, count) in seen {
        let ratio = count as f64 / (rate * eligible(kind) as f64);
        assert!(
            (0.6..1.4).contains(&ratio),
            "{kind:?}: {count}, {ratio} of what was asked"
        );
    }
}

#[test]
fn every_fault_is_at_the_record_and_offset_that_the_truth_names() {
    let faults = Faults {
        truncated_tail: true,
        ..Faults::all(0.001)
    };
    let config = SessionConfig {
        faults,
        ..small(13)
    };
    let (bytes, truth, counts) = generate(&config);
    let offsets = record_offsets(&bytes);
    assert_eq!(
        offsets.len() as u64,
        counts.total() + 1,
        "whole records and one cut"
    );
    for fault in &truth.faults {
        let offset = offsets[fault.record as usize];
        assert_eq!(offset as u64, fault.offset, "{fault:?}");
        let record = &bytes[offset..];
        if fault.fault == FaultKind::TruncatedTail {
            assert_eq!(record.len() as u32, 56 - fault.count);
            continue;
        }
        let field = |at: usize| u64::from_le_bytes(record[at..at + 8].try_into().unwrap());
        let [order_id, action, side, flags] = [
            field(16),
            u64::from(record[38]),
            u64::from(record[39]),
            u64::from(record[36]),
        ];
        let holds = match fault.fault {
            FaultKind::Duplicate => record[..56] == bytes[offset - 56..offset],
            FaultKind::Gap => flags & 0x04 != 0 && 0 < fault.count,
            FaultKind::Reorder => 0 < fault.count && order_id == fault.order_id,
            FaultKind::UnknownAction => !ACTIONS.contains(&(action as u8)),
            FaultKind::UnknownSide => !b"BAN".contains(&(side as u8)),
            FaultKind::MissingLast => flags & 0x80 == 0,
            FaultKind::BackwardsTime => {
                field(8) < u64::from_le_bytes(bytes[offset - 48..offset - 40].try_into().unwrap())
                    || order_id == fault.order_id
            }
            FaultKind::UndefinedPrice => field(24) == i64::MAX as u64,
            FaultKind::UnknownCancel => action == u64::from(b'C') && order_id > 9_000_000_000_000,
            FaultKind::OversizeCancel => action == u64::from(b'C'),
            FaultKind::Clear => action == u64::from(b'R'),
            FaultKind::BadLength => record[0] == 15,
            FaultKind::TruncatedTail => unreachable!("seen above"),
        };
        assert!(holds, "{fault:?}");
    }
}

/// Where each record starts, by walking their lengths.
fn record_offsets(bytes: &[u8]) -> Vec<usize> {
    let mut at = 8 + u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let mut offsets = Vec::new();
    while at < bytes.len() {
        offsets.push(at);
        at += usize::from(bytes[at]) * 4;
    }
    offsets
}

#[test]
fn a_gap_or_clear_is_followed_by_a_snapshot_that_mends_the_book() {
    let faults = Faults {
        gap: 0.0005,
        clear: 0.0005,
        ..Faults::none()
    };
    let (bytes, truth, _) = generate(&SessionConfig {
        faults,
        ..small(14)
    });
    let last = truth.faults.iter().map(|it| it.record).max().unwrap();
    let mut twins: BTreeMap<u32, Twin> = BTreeMap::new();
    let mut mended = 0;
    let mut number = 0;
    let mut broken = 0;
    let mut late = BTreeMap::new();
    for_each_record(&bytes[..], |record| {
        number += 1;
        let Some(mbo) = record.get::<MboMsg>() else {
            return;
        };
        let twin = twins.entry(mbo.hd.instrument_id).or_default();
        if mbo.flags.is_snapshot() && mbo.action as u8 == b'R' {
            mended += 1;
            broken += std::mem::take(&mut twin.faults).len();
        }
        twin.apply(mbo);
        if last + 2_000 < number {
            late.insert(mbo.hd.instrument_id, twin.faults.len());
        }
    });
    assert!(truth.faults.len() > 50 && broken > 0);
    assert!(
        mended as usize > twins.len() + truth.faults.len() / 2,
        "{mended}"
    );
    assert!(late.values().all(|&faults| faults == 0), "{late:?}");
}

/// Baselines of instruction counts are taken on these inputs, so a change of them must be meant.
#[test]
fn bytes_are_those_of_the_version_before() {
    let mut one = Vec::new();
    write_one(100_000, 1, &mut one).unwrap();
    let mut fifty = Vec::new();
    write_fifty(100_000, 1, &mut fifty).unwrap();
    let session = generate(&small(1)).0;
    let hashes = [hash(&one), hash(&fifty), hash(&session)];
    let before = [
        0xF25E_0ED6_F8E8_3EA7,
        0x4A4B_BA7A_BB44_DD34,
        0x65D7_43C8_98ED_5BBD,
    ];
    assert_eq!(hashes, before, "{hashes:#018x?}");
}

#[test]
fn a_session_without_options_or_plantings_runs() {
    for (expiries, strikes) in [(0, 0), (1, 1), (0, 10)] {
        let plantings = Plantings::NONE;
        let config = SessionConfig {
            expiries,
            strikes,
            plantings,
            ..small(1)
        };
        let (_, truth, counts) = generate(&config);
        assert_eq!(truth, Truth::default());
        assert!(counts.total().abs_diff(150_000) < 15_000, "{counts:?}");
    }
}

#[test]
fn demo_session_looks_like_a_market() {
    let (bytes, _, counts) = generate(&SessionConfig::demo());
    assert!(
        (1_000_000..2_000_000).contains(&counts.total()),
        "{counts:?}"
    );
    let mut front = Twin::default();
    let mut traded = false;
    let mut events = 0_u32;
    let mut tight = 0_u32;
    let [mut low, mut high] = [i64::MAX, i64::MIN];
    for record in mbo_records(&bytes)
        .iter()
        .filter(|it| it.hd.instrument_id == FRONT_ID)
    {
        front.apply(record);
        traded |= record.action as u8 == b'T';
        if traded && record.flags.is_last() {
            let (bid, ask) = front.best_bid().zip(front.best_ask()).unwrap();
            events += 1;
            tight += u32::from(ask - bid <= 500_000_000);
            (low, high) = (low.min(bid), high.max(ask));
        }
    }
    assert!(
        events / 10 * 9 < tight,
        "{tight} of {events} events leave at most two ticks"
    );
    let range = (high - low) / 1_000_000_000;
    assert!(
        (20..600).contains(&range),
        "a day's range of {range} points"
    );
    let resting = front.orders.len();
    assert!(
        (2_000..6_000).contains(&resting),
        "{resting} orders rest in the front future"
    );
}

/// NQH6 in every session of the default day.
const FRONT_ID: u32 = 42_140_860;

/// Longer queues are left more often: cancels per event at the best price grow with its queue.
#[test]
fn cancel_rate_grows_with_the_queue() {
    let mut bytes = Vec::new();
    write_one(400_000, 9, &mut bytes).unwrap();
    let mut twin = Twin::default();
    // By length of the best bid's queue, 1–2 and 6–12: events seen, and cancels among them.
    let mut seen = [[0_u32; 2]; 2];
    for (i, record) in mbo_records(&bytes).into_iter().enumerate() {
        if let (50_001.., Some((&best, queue))) = (i, twin.queues[0].last_key_value()) {
            let class = match queue.len() {
                1..=2 => Some(0),
                6..=12 => Some(1),
                _ => None,
            };
            let at_best = record.price == best && record.action as u8 == b'C';
            if let Some(class) = class {
                seen[class][0] += 1;
                seen[class][1] += u32::from(at_best && twin.filled.is_empty());
            }
        }
        twin.apply(&record);
    }
    let rate = |[events, cancels]: [u32; 2]| f64::from(cancels) / f64::from(events);
    assert!(1.5 * rate(seen[0]) < rate(seen[1]), "{seen:?}");
}

#[test]
fn each_fault_kind_can_be_asked_for_alone_by_its_name() {
    for kind in FaultKind::ALL {
        assert_eq!(
            serde_json::to_string(&kind).unwrap(),
            format!("\"{}\"", kind.name())
        );
        let faults = Faults::none().with(kind, 0.001);
        let config = SessionConfig {
            faults,
            minutes: 20,
            messages: 40_000,
            ..small(15)
        };
        let (_, truth, _) = generate(&config);
        assert!(!truth.faults.is_empty(), "{}", kind.name());
        assert!(truth.faults.iter().all(|it| it.fault == kind));
    }
    assert!(Faults::none().is_none() && !Faults::none().with(FaultKind::Gap, 0.1).is_none());
}

//! Streams of every record type, written by dbn's encoders in each version, decoded back.

use super::{oracle, replay_whole};
use core::ffi::c_char;
use dbn::encode::dbn::Encoder;
use dbn::encode::{DbnEncodable, EncodeRecord};
use dbn::record::str_to_c_chars;
use dbn::{
    BboMsg, BidAskPair, CbboMsg, Cmbp1Msg, ConsolidatedBidAskPair, ImbalanceMsg, MappingInterval,
    MboMsg, Mbp1Msg, Mbp10Msg, Metadata, OhlcvMsg, RecordHeader, SType, Schema, StatusMsg,
    SymbolMapping, TradeMsg, WithTsOut, rtype, v1, v2, v3,
};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Whether a gateway's sending time is appended to each record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TsOut {
    Absent,
    Present,
}

/// A stream with mappings in its header and `rounds` of every record type the version has.
pub(crate) fn stream(version: u8, ts_out: TsOut, rounds: u64) -> Vec<u8> {
    let mut writer = Writer::new(version, ts_out);
    for _ in 0..rounds {
        writer.market();
        writer.quotes();
        writer.bars();
        writer.venue();
        match version {
            1 => writer.version_1(),
            2 => writer.version_2(),
            _ => writer.version_3(),
        }
    }
    writer.encoder.get_ref().clone()
}

/// The header of such a stream alone.
pub(crate) fn header(version: u8) -> Vec<u8> {
    stream(version, TsOut::Absent, 0)
}

struct Writer {
    encoder: Encoder<Vec<u8>>,
    ts_out: TsOut,
    random: Xoshiro256PlusPlus,
}

impl Writer {
    fn new(version: u8, ts_out: TsOut) -> Self {
        let day = |day| time::Date::from_calendar_date(2024, time::Month::March, day);
        let interval = |from, to, symbol: &str| MappingInterval {
            start_date: day(from).expect("a day"),
            end_date: day(to).expect("a day"),
            symbol: symbol.to_owned(),
        };
        let mapping = |raw_symbol: &str, intervals| SymbolMapping {
            raw_symbol: raw_symbol.to_owned(),
            intervals,
        };
        let metadata = Metadata::builder()
            .version(version)
            .dataset("GLBX.MDP3")
            .schema(None)
            .start(1_709_251_200_000_000_000)
            .stype_in(Some(SType::RawSymbol))
            .stype_out(SType::InstrumentId)
            .ts_out(ts_out == TsOut::Present)
            .mappings(vec![
                mapping("NQM4", vec![interval(1, 9, "17"), interval(9, 31, "18")]),
                mapping("GONE", vec![interval(1, 31, "")]),
                mapping("NQM4 C18000", vec![interval(1, 2, "4294967295")]),
            ])
            .build();
        Self {
            encoder: Encoder::new(Vec::new(), &metadata).expect("the header is written"),
            ts_out,
            random: Xoshiro256PlusPlus::seed_from_u64(7),
        }
    }

    fn put<R>(&mut self, mut record: R)
    where
        R: DbnEncodable + dbn::HasRType<Header = RecordHeader> + dbn::RecordMut,
        WithTsOut<R>: DbnEncodable,
    {
        let hd = record.header_mut();
        hd.publisher_id = self.random.random();
        hd.instrument_id = self.random.random();
        hd.ts_event = self.random.random();
        let written = match self.ts_out {
            TsOut::Absent => self.encoder.encode_record(&record),
            TsOut::Present => self.encoder.encode_record(&WithTsOut::new(record, 77)),
        };
        written.expect("the record is written");
    }

    fn one_of(&mut self, bytes: &[u8]) -> c_char {
        bytes[self.random.random_range(0..bytes.len())] as c_char
    }

    /// A price, now and then an extreme one (F26).
    fn price(&mut self) -> i64 {
        match self.random.random_range(0..8) {
            0 => dbn::UNDEF_PRICE,
            1 => i64::MIN,
            2 => 0,
            _ => self.random.random(),
        }
    }

    fn market(&mut self) {
        for _ in 0..7 {
            let record = MboMsg {
                order_id: self.random.random(),
                price: self.price(),
                size: self.random.random(),
                flags: dbn::FlagSet::new(self.random.random()),
                channel_id: self.random.random(),
                action: self.one_of(b"ACMRTFN"),
                side: self.one_of(b"ABN"),
                ts_recv: self.random.random(),
                ts_in_delta: self.random.random(),
                sequence: self.random.random(),
                ..Default::default()
            };
            self.put(record);
        }
        let record = TradeMsg {
            price: self.price(),
            size: u32::MAX,
            flags: dbn::FlagSet::new(self.random.random()),
            action: b'T' as c_char,
            side: self.one_of(b"ABN"),
            ts_recv: self.random.random(),
            ts_in_delta: self.random.random(),
            sequence: self.random.random(),
            ..Default::default()
        };
        self.put(record);
    }

    fn quotes(&mut self) {
        let record = Mbp1Msg {
            price: self.price(),
            size: self.random.random(),
            flags: dbn::FlagSet::new(self.random.random()),
            action: self.one_of(b"ACMRTN"),
            side: self.one_of(b"ABN"),
            ts_recv: self.random.random(),
            ts_in_delta: self.random.random(),
            sequence: self.random.random(),
            levels: [self.level()],
            ..Default::default()
        };
        self.put(record);
        let mut record = Mbp10Msg {
            price: self.price(),
            size: self.random.random(),
            action: self.one_of(b"ACMRTN"),
            side: self.one_of(b"ABN"),
            ts_recv: self.random.random(),
            ts_in_delta: self.random.random(),
            sequence: self.random.random(),
            ..Default::default()
        };
        record.levels = core::array::from_fn(|_| self.level());
        self.put(record);
        self.interval_quotes();
        self.consolidated_quotes();
    }

    fn interval_quotes(&mut self) {
        for schema in [Schema::Bbo1S, Schema::Bbo1M] {
            let record = BboMsg {
                price: self.price(),
                size: self.random.random(),
                side: self.one_of(b"ABN"),
                ts_recv: self.random.random(),
                sequence: self.random.random(),
                levels: [self.level()],
                ..BboMsg::default_for_schema(schema)
            };
            self.put(record);
        }
        for schema in [Schema::Cbbo1S, Schema::Cbbo1M] {
            let record = CbboMsg {
                price: self.price(),
                size: self.random.random(),
                side: self.one_of(b"ABN"),
                ts_recv: self.random.random(),
                levels: [self.consolidated_level()],
                ..CbboMsg::default_for_schema(schema)
            };
            self.put(record);
        }
    }

    fn consolidated_quotes(&mut self) {
        for schema in [Schema::Cmbp1, Schema::Tcbbo] {
            let record = Cmbp1Msg {
                price: self.price(),
                size: self.random.random(),
                flags: dbn::FlagSet::new(self.random.random()),
                action: self.one_of(b"ACMRTN"),
                side: self.one_of(b"ABN"),
                ts_recv: self.random.random(),
                ts_in_delta: self.random.random(),
                levels: [self.consolidated_level()],
                ..Cmbp1Msg::default_for_schema(schema)
            };
            self.put(record);
        }
    }

    /// A level with both prices, for a side without one loses its sizes on purpose.
    fn level(&mut self) -> BidAskPair {
        BidAskPair {
            bid_px: self.random.random_range(i64::MIN..i64::MAX),
            ask_px: self.random.random_range(i64::MIN..i64::MAX),
            bid_sz: self.random.random(),
            ask_sz: self.random.random(),
            bid_ct: self.random.random(),
            ask_ct: self.random.random(),
        }
    }

    fn consolidated_level(&mut self) -> ConsolidatedBidAskPair {
        ConsolidatedBidAskPair {
            bid_px: self.random.random_range(i64::MIN..i64::MAX),
            ask_px: self.random.random_range(i64::MIN..i64::MAX),
            bid_sz: self.random.random(),
            ask_sz: self.random.random(),
            ..Default::default()
        }
    }

    #[allow(
        deprecated,
        reason = "old files still hold bars of the deprecated type"
    )]
    fn bars(&mut self) {
        for rtype in [
            rtype::OHLCV_1S,
            rtype::OHLCV_1M,
            rtype::OHLCV_1H,
            rtype::OHLCV_1D,
            rtype::OHLCV_EOD,
            rtype::OHLCV_DEPRECATED,
        ] {
            let mut record = OhlcvMsg {
                open: self.price(),
                high: self.price(),
                low: self.price(),
                close: self.price(),
                volume: self.random.random(),
                ..OhlcvMsg::default_for_schema(Schema::Ohlcv1S)
            };
            record.hd.rtype = rtype;
            self.put(record);
        }
    }

    fn venue(&mut self) {
        let record = StatusMsg {
            ts_recv: self.random.random(),
            action: self.random.random(),
            reason: self.random.random(),
            is_trading: self.one_of(b"YN~"),
            ..Default::default()
        };
        self.put(record);
        let record = ImbalanceMsg {
            ts_recv: self.random.random(),
            ref_price: self.price(),
            ind_match_price: self.price(),
            cont_book_clr_price: self.price(),
            paired_qty: self.random.random(),
            total_imbalance_qty: self.random.random(),
            side: self.one_of(b"ABN"),
            ..Default::default()
        };
        self.put(record);
    }
}

/// The records whose layout depends on the version; a macro, for the types differ.
macro_rules! versioned {
    ($name:ident, $v:ident) => {
        fn $name(&mut self) {
            let record = $v::InstrumentDefMsg {
                ts_recv: self.random.random(),
                min_price_increment: self.price(),
                expiration: self.random.random(),
                activation: self.random.random(),
                unit_of_measure_qty: self.price(),
                strike_price: self.price(),
                underlying_id: self.random.random(),
                currency: str_to_c_chars("USD").expect("it fits"),
                settl_currency: str_to_c_chars(["", "EUR"][self.random.random_range(0..2)])
                    .expect("it fits"),
                raw_symbol: str_to_c_chars(["NQM4 C18000", ""][self.random.random_range(0..2)])
                    .expect("it fits"),
                asset: str_to_c_chars("QN1").expect("it fits"),
                instrument_class: self.one_of(b"BCFIKMPSTXY?"),
                ..Default::default()
            };
            self.put(record);
            for quantity in [0, -1, 5_000, $v::UNDEF_STAT_QUANTITY] {
                let record = $v::StatMsg {
                    ts_recv: self.random.random(),
                    ts_ref: self.random.random(),
                    price: self.price(),
                    quantity,
                    stat_type: self.random.random_range(1..20),
                    update_action: self.random.random_range(1..3),
                    ..Default::default()
                };
                self.put(record);
            }
            let record = $v::SymbolMappingMsg {
                stype_in_symbol: str_to_c_chars("NQ.FUT").expect("it fits"),
                stype_out_symbol: str_to_c_chars("NQM4").expect("it fits"),
                start_ts: self.random.random(),
                end_ts: self.random.random(),
                ..Default::default()
            };
            self.put(record);
        }
    };
}

impl Writer {
    versioned!(version_dependent_1, v1);
    versioned!(version_dependent_2, v2);
    versioned!(version_dependent_3, v3);

    fn version_1(&mut self) {
        self.version_dependent_1();
        for text in [
            "Heartbeat",
            "Subscription request 1 for mbo data succeeded",
            "End of interval for ohlcv-1s",
            "Warning: slow reading",
            "Finished mbo replay",
            "Something else",
        ] {
            self.put(v1::SystemMsg {
                msg: str_to_c_chars(text).expect("it fits"),
                ..Default::default()
            });
        }
        for text in [
            "User or API key deactivated",
            "User has reached their open connection limit",
            "Failed to resolve symbol",
            "Internal error",
            "Slow client detected for live",
            "Something else",
        ] {
            self.put(v1::ErrorMsg {
                err: str_to_c_chars(text).expect("it fits"),
                ..Default::default()
            });
        }
    }

    fn version_2(&mut self) {
        self.version_dependent_2();
        self.notices();
    }

    fn version_3(&mut self) {
        self.version_dependent_3();
        self.notices();
    }

    fn notices(&mut self) {
        for code in [0, 1, 2, 3, 4, 5, 99, 255] {
            self.put(dbn::SystemMsg {
                code,
                ..Default::default()
            });
        }
        for code in [1, 2, 3, 4, 5, 6, 7, 8, 99, 255] {
            self.put(dbn::ErrorMsg {
                code,
                ..Default::default()
            });
        }
    }
}

#[test]
fn f21_every_record_type_of_every_version_is_as_dbn_decodes_it() {
    for version in 1..=3 {
        for ts_out in [TsOut::Absent, TsOut::Present] {
            let bytes = stream(version, ts_out, 50);
            let (ours, theirs) = (replay_whole(&bytes), oracle::messages(&bytes));
            assert_eq!(
                ours.len(),
                theirs.len(),
                "version {version}, ts_out {ts_out:?}"
            );
            for (place, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                assert_eq!(
                    ours, theirs,
                    "version {version}, {ts_out:?}, message {place}"
                );
            }
        }
    }
}

#[test]
fn f21_a_header_without_records_is_a_whole_stream() {
    for version in 1..=3 {
        let said = replay_whole(&header(version));
        assert_eq!(said, oracle::messages(&header(version)));
        assert_eq!(said.len(), 3, "two names of NQM4's spans and one option");
    }
}

/// dbn's own types do not know the trade's top of book by its record type, which has the layout
/// of MBP-1.
#[test]
fn tbbo_by_its_own_type_reads_as_mbp_1() {
    let mut writer = Writer::new(3, TsOut::Absent);
    let record = Mbp1Msg {
        action: b'T' as c_char,
        side: b'B' as c_char,
        levels: [writer.level()],
        ..Default::default()
    };
    writer.put(record);
    let mut bytes = writer.encoder.get_ref().clone();
    let as_mbp_1 = replay_whole(&bytes);
    assert_eq!(as_mbp_1, oracle::messages(&bytes));
    bytes[header(3).len() + 1] = rtype::TBBO;
    assert_eq!(replay_whole(&bytes), as_mbp_1);
}

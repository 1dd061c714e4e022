//! A stand-in market until the synthetic one is merged.
use dbn::encode::{DbnEncoder, EncodeRecord};
use dbn::{MboMsg, MetadataBuilder, RecordHeader, SType, Schema, flags, rtype};

pub fn one(count: usize, instruments: u32, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = move |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % bound
    };
    let metadata = MetadataBuilder::new()
        .dataset("GLBX.MDP3").schema(Some(Schema::Mbo)).start(0)
        .stype_in(Some(SType::InstrumentId)).stype_out(SType::InstrumentId).build();
    let mut encoder = DbnEncoder::new(Vec::new(), &metadata).unwrap();
    struct B { orders: Vec<(u64, bool, i64, u32)>, mid: i64 }
    let mut books: Vec<B> = (0..instruments).map(|_| B { orders: vec![], mid: 80_000 }).collect();
    let mut id = 1_000_000u64;
    let mut made = 0;
    while made < count {
        let place = ((next(1 << 20) as f64 / (1u64 << 20) as f64).powi(3) * f64::from(instruments)) as usize;
        let book = &mut books[place];
        let roll = next(100);
        let target = 4_000;
        let n = book.orders.len();
        let (action, order) = if n < 1_000 || (roll < 46 && n < target) {
            
            let bid = next(2) == 0;
            let far = if next(10) < 8 { next(10) } else { next(200) } as i64 + 1;
            let price = if bid { book.mid - far } else { book.mid + far };
            id += 1 + next(3);
            let order = (id, bid, price * 250_000_000, 1 + next(20) as u32);
            book.orders.push(order);
            (b'A', order)
        } else if roll < 89 {
            let at = next(n as u64) as usize;
            (b'C', book.orders.swap_remove(at))
        } else if roll < 97 {
            let at = next(n as u64) as usize;
            let order = &mut book.orders[at];
            order.3 = 1 + next(20) as u32;
            (b'M', *order)
        } else {
            (b'T', (0, next(2) == 0, book.mid * 250_000_000, 1))
        };
        let record = MboMsg {
            hd: RecordHeader::new::<MboMsg>(rtype::MBO, 1, 100 + place as u32, 1_700_000_000_000_000_000 + made as u64 * 1000),
            order_id: order.0, price: order.2, size: order.3,
            flags: flags::LAST.into(), channel_id: 0,
            action: action as _, side: if order.1 { b'B' } else { b'A' } as _,
            ts_recv: 1_700_000_000_000_001_000 + made as u64 * 1000,
            ts_in_delta: 500, sequence: made as u32,
        };
        encoder.encode_record(&record).unwrap();
        made += 1;
    }
    encoder.get_ref().clone()
}

//! What is listed: options, what they are on, and which book is whose.
//!
//! Definitions name instruments by key, updates by the dense index of their book. The index is
//! looked up by key once and remembered; whenever something new is listed, all is forgotten.

use alloc::boxed::Box;

use undertow_core::event::{Definition, InstrumentClass, Touch};
use undertow_core::types::{BookKey, InstrumentId, Nanos, Price, Text};

use super::laid_out;
use crate::options::Right;

/// No such place.
pub(super) const NONE: u32 = u32::MAX;
/// Marks a book as that of an underlying.
const UNDERLYING: u32 = 1 << 31;
/// A book that nobody has asked for yet, and one that is neither.
const UNASKED: u32 = NONE;
const NEITHER: u32 = NONE - 1;

/// An option's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) key: BookKey,
    pub(super) asset: Text<11>,
    pub(super) strike: Price,
    pub(super) expiry: Nanos,
    pub(super) right: Right,
    /// Its place among the underlyings, or [`NONE`].
    pub(super) underlying: u32,
}

/// An option that is listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    pub(super) terms: Terms,
    /// Units of the underlying per contract, in 1e-9.
    pub(super) multiplier: Price,
    /// The other right at the same strike and expiry, or [`NONE`].
    pub(super) mate: u32,
}

/// What options are on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Underlying {
    pub(super) key: BookKey,
    /// Product code; empty until its definition comes.
    pub(super) product: Text<11>,
    /// Its touch, while that is two-sided and not crossed.
    quote: Option<[Price; 2]>,
    /// Its last trade.
    last: Option<Price>,
    /// The spot when each lane began to close its slot.
    pub(super) spot_at_close: [Option<Price>; 3],
}

impl Underlying {
    /// The middle of its last sound touch, else its last trade. Half a unit is cut off.
    pub(super) fn spot(&self) -> Option<Price> {
        let middle = self.quote.map(|[bid, ask]| Price(bid.0.midpoint(ask.0)));
        middle.or(self.last)
    }
}

/// Whose book it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Option(u32),
    Underlying(u32),
    Neither,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    options: Box<[Listed]>,
    options_len: usize,
    underlyings: Box<[Underlying]>,
    underlyings_len: usize,
    option_by_key: Places,
    option_by_terms: Places,
    underlying_by_key: Places,
    by_book: Box<[u32]>,
    /// Whether something has been listed since books were last asked for.
    is_stale: bool,
    /// Definitions for which there was no room.
    pub(super) refused: u64,
}

impl Listing {
    pub(super) fn new(books_max: usize, options_max: usize, underlyings_max: usize) -> Self {
        let nothing = Listed {
            terms: Terms {
                key: BookKey::default(),
                asset: Text::new(),
                strike: Price::UNDEFINED,
                expiry: Nanos::UNDEFINED,
                right: Right::Call,
                underlying: NONE,
            },
            multiplier: Price::UNDEFINED,
            mate: NONE,
        };
        let nobody = Underlying {
            key: BookKey::default(),
            product: Text::new(),
            quote: None,
            last: None,
            spot_at_close: [None; 3],
        };
        Self {
            options: laid_out(options_max, nothing),
            options_len: 0,
            underlyings: laid_out(underlyings_max, nobody),
            underlyings_len: 0,
            option_by_key: Places::new(options_max),
            option_by_terms: Places::new(options_max),
            underlying_by_key: Places::new(underlyings_max),
            by_book: laid_out(books_max, UNASKED),
            is_stale: false,
            refused: 0,
        }
    }

    pub(super) fn options(&self) -> &[Listed] {
        &self.options[..self.options_len]
    }

    pub(super) fn underlyings(&self) -> &[Underlying] {
        &self.underlyings[..self.underlyings_len]
    }

    pub(super) fn underlyings_mut(&mut self) -> &mut [Underlying] {
        &mut self.underlyings[..self.underlyings_len]
    }

    /// The underlying of an option.
    pub(super) fn underlying_of(&self, option: u32) -> Option<&Underlying> {
        let underlying = self.options().get(option as usize)?.terms.underlying;
        self.underlyings().get(underlying as usize)
    }

    /// Whose book this is.
    #[inline(always)]
    pub(super) fn owner(&mut self, book_idx: u32, key: BookKey) -> Owner {
        if self.is_stale {
            self.forget_books();
        }
        let Some(place) = self.by_book.get(book_idx as usize).copied() else {
            return Owner::Neither;
        };
        let place = if place == UNASKED {
            self.look_up(book_idx, key)
        } else {
            place
        };
        match place {
            NEITHER => Owner::Neither,
            place if place & UNDERLYING != 0 => Owner::Underlying(place & !UNDERLYING),
            option => Owner::Option(option),
        }
    }

    #[cold]
    fn forget_books(&mut self) {
        self.by_book.fill(UNASKED);
        self.is_stale = false;
    }

    /// Whose a book is that nobody has asked for yet.
    #[cold]
    fn look_up(&mut self, book_idx: u32, key: BookKey) -> u32 {
        let option = find_option(&self.option_by_key, &self.options, key);
        let underlying = || find_underlying(&self.underlying_by_key, &self.underlyings, key);
        let place = option
            .or_else(|| underlying().map(|underlying| UNDERLYING | underlying))
            .unwrap_or(NEITHER);
        self.by_book[book_idx as usize] = place;
        place
    }

    /// The option of this key.
    pub(super) fn option(&self, key: BookKey) -> Option<u32> {
        find_option(&self.option_by_key, &self.options, key)
    }

    /// Takes note of an underlying's quote.
    #[inline]
    pub(super) fn quote(&mut self, underlying: u32, touch: &Touch) {
        if let Some(underlying) = self.underlyings.get_mut(underlying as usize)
            && touch.is_two_sided()
            && touch.bid <= touch.ask
        {
            underlying.quote = Some([touch.bid, touch.ask]);
        }
    }

    /// Takes note of an underlying's trade.
    #[inline]
    pub(super) fn trade(&mut self, underlying: u32, price: Price) {
        if let Some(underlying) = self.underlyings.get_mut(underlying as usize)
            && price.is_defined()
        {
            underlying.last = Some(price);
        }
    }

    /// Takes note of a contract: an option, or a future that options may be on. Another
    /// contract under a known key is listed anew; the old one's windows still close.
    pub(super) fn define(&mut self, definition: &Definition) {
        if definition.update_action == b'D' {
            return;
        }
        match definition.class {
            InstrumentClass::Call => self.define_option(definition, Right::Call),
            InstrumentClass::Put => self.define_option(definition, Right::Put),
            InstrumentClass::Future | InstrumentClass::Stock => {
                let place = self.underlying(definition.key);
                if let Some(underlying) = self.underlyings.get_mut(place as usize) {
                    underlying.product = definition.asset;
                }
            }
            _ => {}
        }
    }

    fn define_option(&mut self, definition: &Definition, right: Right) {
        if !definition.strike.is_defined() {
            return;
        }
        let terms = Terms {
            key: definition.key,
            asset: definition.asset,
            strike: definition.strike,
            expiry: definition.expiration,
            right,
            underlying: if definition.underlying_id == InstrumentId(0) {
                NONE
            } else {
                self.underlying(BookKey {
                    instrument_id: definition.underlying_id,
                    publisher_id: definition.key.publisher_id,
                })
            },
        };
        let known = self.option(definition.key);
        let known = known.filter(|it| self.options[*it as usize].terms == terms);
        if let Some(known) = known {
            self.options[known as usize].multiplier = definition.unit_qty;
        } else {
            self.list(terms, definition.unit_qty);
        }
    }

    fn list(&mut self, terms: Terms, multiplier: Price) {
        let option = self.options_len as u32;
        let Some(place) = self.options.get_mut(self.options_len) else {
            self.refused += 1;
            return;
        };
        *place = Listed {
            terms,
            multiplier,
            mate: NONE,
        };
        self.options_len += 1;
        self.is_stale = true;
        let options = &self.options;
        self.option_by_key
            .insert(hash_key(terms.key), option, |it| {
                options[it as usize].terms.key == terms.key
            });
        let opposite = Terms {
            right: other(terms.right),
            ..terms
        };
        let mate = self.option_by_terms.find(hash_terms(&opposite), |it| {
            is_same(&options[it as usize].terms, &opposite)
        });
        self.option_by_terms
            .insert(hash_terms(&terms), option, |it| {
                is_same(&options[it as usize].terms, &terms)
            });
        if let Some(mate) = mate {
            self.options[option as usize].mate = mate;
            self.options[mate as usize].mate = option;
        }
    }

    /// The place of an underlying, which is made if there is none; [`NONE`] without room.
    fn underlying(&mut self, key: BookKey) -> u32 {
        if let Some(known) = find_underlying(&self.underlying_by_key, &self.underlyings, key) {
            return known;
        }
        let Some(place) = self.underlyings.get_mut(self.underlyings_len) else {
            self.refused += 1;
            return NONE;
        };
        place.key = key;
        let new = self.underlyings_len as u32;
        self.underlyings_len += 1;
        self.is_stale = true;
        self.underlying_by_key.insert(hash_key(key), new, |_| false);
        new
    }
}

fn find_option(places: &Places, options: &[Listed], key: BookKey) -> Option<u32> {
    places.find(hash_key(key), |it| options[it as usize].terms.key == key)
}

fn find_underlying(places: &Places, underlyings: &[Underlying], key: BookKey) -> Option<u32> {
    places.find(hash_key(key), |it| underlyings[it as usize].key == key)
}

const fn other(right: Right) -> Right {
    match right {
        Right::Call => Right::Put,
        Right::Put => Right::Call,
    }
}

/// The same contract, whatever its key.
fn is_same(a: &Terms, b: &Terms) -> bool {
    Terms { key: b.key, ..*a } == *b && a.key.publisher_id == b.key.publisher_id
}

const fn hash_key(key: BookKey) -> u64 {
    mix((key.instrument_id.0 as u64) << 16 | key.publisher_id.0 as u64)
}

const fn hash_terms(terms: &Terms) -> u64 {
    let place = mix(terms.strike.0.cast_unsigned() ^ mix(terms.expiry.0));
    mix(place ^ ((terms.underlying as u64) << 8 | terms.right as u64))
}

/// Spreads the bits (the finalizer of SplitMix64).
const fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Places by hash, at most half full, probed one after the other.
#[derive(Clone, Debug)]
struct Places {
    slots: Box<[u32]>,
}

impl Places {
    fn new(places_max: usize) -> Self {
        Self {
            slots: laid_out((2 * places_max + 2).next_power_of_two(), NONE),
        }
    }

    fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let place = self.slots[self.probe(hash, is_it)];
        (place != NONE).then_some(place)
    }

    /// Puts a place in, over the one that `is_it` already, if any.
    fn insert(&mut self, hash: u64, place: u32, is_it: impl Fn(u32) -> bool) {
        let slot = self.probe(hash, is_it);
        self.slots[slot] = place;
    }

    /// The slot of the place that `is_it`, or the free one where it belongs.
    fn probe(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while self.slots[slot] != NONE && !is_it(self.slots[slot]) {
            slot = (slot + 1) & mask;
        }
        slot
    }
}

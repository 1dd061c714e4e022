//! A trader as it stands before the first record: laid out by its profile, with what the last run
//! left put back, and with those whom it asks.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use undertow_cold::claims::SharedClaims;
use undertow_cold::provenance::Program;
use undertow_core::gateway::Gateway;
use undertow_core::types::Nanos;
use undertow_strategies::trade::Trader;

use super::briefing::Briefing;
use super::emergency::Emergency;
use super::journal::Journal;
use super::machine::{differs, program};
use super::operator::{About, Line, Listener};
use super::recovery::Inherited;
use super::state::Keeper;
use super::trade::{first_kept, risk, rule_sets, start, trader_with};
use super::witness::{Asker, Clerk, Exchange, worker};
use super::{Ask, Desk};
use crate::commands::journal_fault;
use crate::config::TradeConfig;
use crate::exit::{Code, Failure};
use crate::operator;
use crate::watchdog::Helper;

/// See the module.
pub(super) struct Manned<G> {
    pub(super) trader: Trader<G>,
    /// What it and the cold side tell one another.
    pub(super) exchange: Arc<Exchange>,
    pub(super) attendants: Attendants,
    /// What slow sources have told in files.
    pub(super) briefing: Briefing,
    pub(super) journal: Journal,
    pub(super) keeper: Option<Keeper>,
    /// What was restored, in words.
    pub(super) went_on: Option<String>,
    /// What stands at a halt is left by this.
    pub(super) emergency: Emergency,
}

/// Threads that stand by a run.
#[derive(Debug)]
pub(super) struct Attendants {
    /// Who asks the shared store, if there is one.
    clerk: Option<Clerk>,
    /// Who takes the operator's orders; nobody at full speed, where they would come too late.
    listener: Option<Listener>,
}

impl Attendants {
    /// The threads, as the watchdog knows them.
    pub(super) fn helpers(&self) -> impl Iterator<Item = Arc<Helper>> {
        let clerk = self.clerk.iter().map(Clerk::helper);
        clerk.chain(self.listener.iter().map(Listener::helper))
    }

    /// The operator's line.
    pub(super) fn line(&self) -> Option<Arc<Line>> {
        self.listener.as_ref().map(Listener::line)
    }

    /// The chain has ended: nobody asks it anything any more.
    pub(super) fn dismiss(self) {
        drop(self.listener);
        if let Some(clerk) = self.clerk {
            clerk.close();
        }
    }
}

impl<G: Gateway> Manned<G> {
    /// Lays a trader out for inputs that begin on `day`. Without a directory of states the journal
    /// goes to the desk's place. `waits` as in [`Exchange`].
    ///
    /// # Errors
    /// The profile contradicts itself, what the last run left cannot be gone on from, or journal
    /// or store cannot be opened.
    pub(super) fn new(ask: &Ask<'_>, desk: Desk<'_, G>, day: Nanos, waits: bool) -> Result<Self> {
        let config = ask.config;
        let Desk {
            profile,
            mode,
            gateway,
            place,
        } = desk;
        let first = first_kept(profile, day)?;
        let program = program(config, profile);
        let inherited = Inherited::open(&config.trade, &program, (profile, mode), first)?;
        let kept = inherited.as_ref().map_or(first, |it| *it.keeper.kept());
        let mut risk = risk((profile, mode), &kept)?;
        let mut went_on = None;
        if let Some(inherited) = &inherited {
            went_on = inherited.words(&inherited.restore(&mut risk)?);
        }
        let results = inherited.iter().flat_map(Inherited::results);
        let briefing = Briefing::read(config, profile, results, (day, first.day))?;
        let instruments_max = config.book.instruments_max.get();
        let trader = trader_with((profile, mode), (risk, gateway), instruments_max)?;
        let exchange = Exchange::new(waits);
        let clerk = clerk(&config.trade, &program, &exchange)?;
        let asker = Asker {
            exchange: Arc::clone(&exchange),
            shares: clerk.is_some(),
            keeps: inherited.is_some(),
        };
        let sharing_as = clerk.is_some().then(worker);
        let mut trader = trader.witnessed(Box::new(asker), sharing_as);
        if let Some(inherited) = &inherited {
            trader = trader.resumed(&inherited.past());
        }
        let listener = (!waits).then(|| {
            let about = About {
                run: ask.what.clone(),
                profile: profile.name.clone(),
                strategies: rule_sets(&trader),
            };
            let line = Line::new(about, Arc::clone(&exchange));
            Listener::open(&operator::socket(config), line)
        });
        let listener = listener.transpose()?;
        let emergency = Emergency::new(config, place, &trader)?;
        let start = start(&program, (profile.account, mode), trader.risk().kept());
        let (journal, keeper) = match inherited {
            None => (Journal::begin(place, start, day), None),
            Some(Inherited {
                keeper,
                writer,
                dir,
                folded,
                ..
            }) => (
                Journal::go_on((dir, folded), writer, start, day),
                Some(keeper),
            ),
        };
        Ok(Self {
            trader,
            exchange,
            attendants: Attendants { clerk, listener },
            briefing,
            journal: journal.map_err(|error| journal_fault(&error))?,
            keeper,
            went_on,
            emergency,
        })
    }
}

/// Who asks the store of claims that is named, if one is.
fn clerk(
    trade: &TradeConfig,
    program: &Program,
    exchange: &Arc<Exchange>,
) -> Result<Option<Clerk>> {
    if trade.claims.is_empty() {
        return Ok(None);
    }
    let store = SharedClaims::open(Path::new(&trade.claims), program, trade.succeeds.0);
    let store = store.map_err(|error| match error.owner() {
        Some(theirs) => differs(theirs, program).at(trade.claims.clone()),
        None => {
            let next = "name a file on a local disk with --set trade.claims=FILE, or none";
            Failure::new(Code::CLAIMS_UNREADABLE, error.to_string(), next).at("trade.claims")
        }
    })?;
    Ok(Some(Clerk::open(store, Arc::clone(exchange))))
}

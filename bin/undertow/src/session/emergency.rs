//! What stood when the gate was shut, left as a file of its own (R12): the halt, positions, orders,
//! breakers, and what each strategy had seen last. The journal has it all; this is what is looked
//! at first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;
use undertow_cold::explain;
use undertow_cold::journal::State;
use undertow_cold::registry::Registry;
use undertow_cold::standing::Standing;
use undertow_core::event::Stamp;
use undertow_core::gateway::Gateway;
use undertow_core::risk::{Gate, Halt};
use undertow_strategies::decide::rules::RuleSet;
use undertow_strategies::trade::Trader;
use undertow_strategies::trade::event::{Decided, TradeEvent};

use super::gather::rfc3339;
use super::trade::rule_sets;
use crate::config::Config;
use crate::outfile;

/// Its directory, beside the journal.
const DIR: &str = "emergency";

/// See the module.
#[derive(Debug)]
pub(super) struct Emergency {
    dir: PathBuf,
    rules: Vec<RuleSet>,
    strategies: Vec<(String, String)>,
    /// The last decision of each rule set, and its input.
    last: BTreeMap<usize, (Stamp, Decided)>,
    gate: Gate,
}

impl Emergency {
    /// To be left beside the journal of this trader: in `place`, where what an earlier run has left
    /// is taken away, or in the directory of states, where it stays.
    ///
    /// # Errors
    /// What an earlier run has left cannot be taken away.
    pub(super) fn new<G: Gateway>(
        config: &Config,
        place: &Path,
        trader: &Trader<G>,
    ) -> Result<Self> {
        let state_dir = config.trade.state_dir.as_str();
        let dir = if state_dir.is_empty() {
            let dir = place.join(DIR);
            if dir.exists() {
                let taken = std::fs::remove_dir_all(&dir);
                taken.with_context(|| format!("cannot take away {}", dir.display()))?;
            }
            dir
        } else {
            Path::new(state_dir).join(DIR)
        };
        Ok(Self {
            dir,
            rules: trader.rules().map(|(rules, _)| *rules).collect(),
            strategies: rule_sets(trader),
            last: BTreeMap::new(),
            gate: trader.risk().halted().gate,
        })
    }

    /// Takes what leaves the chain, and what all of it adds up to.
    pub(super) fn note(
        &mut self,
        stamp: Stamp,
        event: &TradeEvent,
        state: &State,
        names: &Registry,
    ) {
        match event {
            TradeEvent::Decided(decided) => {
                self.last.insert(decided.place, (stamp, *decided));
            }
            TradeEvent::Halted(halt) => {
                let is_news = halt.gate > self.gate;
                self.gate = halt.gate;
                if is_news && let Err(error) = self.leave(halt, state, names) {
                    // The journal has it all: a run is not stopped for want of a copy.
                    eprintln!("note: {error}");
                }
            }
            _ => {}
        }
    }

    fn leave(&self, halt: &Halt, state: &State, names: &Registry) -> Result<()> {
        let seen = self.last.iter().filter_map(|(place, (stamp, decided))| {
            let rules = self.rules.get(*place)?;
            Some(explain::decided(decided, rules, stamp.sequence, names))
        });
        let document = json!({
            "standing": Standing::of(state, names, &self.strategies),
            "seen": seen.collect::<Vec<_>>(),
        });
        outfile::directory(&self.dir)?;
        let at = rfc3339(halt.at).replace(':', "-");
        let gate = halt.gate.name().replace(' ', "-");
        let path = self.dir.join(format!("{at}-{gate}.json"));
        Ok(outfile::write(
            &path,
            serde_json::to_string_pretty(&document)?,
        )?)
    }
}

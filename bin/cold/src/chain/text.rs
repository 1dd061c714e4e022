//! A chain as the terminal shows it.

use std::fmt::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use undertow_core::types::Price;
use undertow_strategies::options::exposure::{
    Convention, DealersLongCalls, Dex, Gex, OnePercent, Unit,
};
use undertow_strategies::options::positioning::RiskRatio;
use undertow_strategies::options::{Right, points};

use super::report::Report;
use super::words::{self, level, money, plain, ratio};
use crate::listing::Listing;
use latency_report::text::{counted, thousands};

/// Setups and contracts listed.
const LISTED: usize = 10;

/// Strikes listed when none are asked for.
const STRIKES: usize = 25;

/// The whole text, with the `strikes` nearest to spot.
#[must_use]
pub fn text(report: &Report, strikes: Option<usize>, listing: Listing) -> String {
    let parts = [
        head(report),
        levels(report),
        by_strike(report, strikes.unwrap_or(listing.most(STRIKES))),
        setups(report, listing),
        game(report),
        flow(report),
        unusual(report, listing),
        foot(report),
    ];
    parts.join("\n")
}

fn head(report: &Report) -> String {
    let mut text = format!(
        "{}  {} ({})  {}\n{}\n",
        report.name,
        plain(report.spot),
        report.spot_from,
        words::moment(report),
        words::source(report),
    );
    let net = report.exposure.total.net();
    let rows = [
        (
            "gamma exposure",
            one_percent(net.gex),
            "net, $ of delta per 1 % move",
        ),
        ("", money(net.gex.value()), "the same per 100 % move"),
        ("delta exposure", money(net.dex.0), Dex::LABEL),
        (
            "bias",
            report.exposure.bias().name().to_owned(),
            DealersLongCalls::LABEL,
        ),
        (
            "open interest",
            words::interest(report),
            "an end-of-day figure",
        ),
    ];
    text.push('\n');
    for (name, value, note) in rows {
        let _ = writeln!(text, "{name:<16}{value:>26}  {note}");
    }
    text
}

fn levels(report: &Report) -> String {
    let mut text = String::from("levels\n");
    let spot = points(report.spot);
    for (name, at, note) in words::levels(report) {
        let away = at.map(|at| format!("{:+.2} %", 100.0 * (at - spot) / spot));
        let at = at.map_or_else(|| "none".to_owned(), level);
        let _ = writeln!(
            text,
            "  {name:<18}{at:>12}  {:>9}  {note}",
            away.unwrap_or_default()
        );
    }
    let list = |strikes: &[Price]| {
        let names: Vec<_> = strikes.iter().map(|strike| plain(*strike)).collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    };
    let _ = writeln!(
        text,
        "  supports          {}",
        list(&report.levels.supports)
    );
    let _ = writeln!(
        text,
        "  resistances       {}",
        list(&report.levels.resistances)
    );
    text
}

fn by_strike(report: &Report, strikes: usize) -> String {
    let exposure = &report.exposure;
    let shown = report.near_strikes(strikes);
    let mut text = format!(
        "by strike, {} of {} nearest to spot; GEX in {}\n",
        shown.len(),
        exposure.strikes.len(),
        OnePercent::LABEL
    );
    let mut table = table(&[
        "strike", "call GEX", "put GEX", "net GEX", "DEX", "call OI", "put OI", "",
    ]);
    let mut below = true;
    for (strike, split) in &exposure.strikes[shown] {
        if below && report.spot < *strike {
            let here = format!("spot {}", plain(report.spot));
            table.add_row(["", "", "", "", "", "", "", &here]);
            below = false;
        }
        table.add_row([
            plain(*strike),
            one_percent(split.call.gex),
            one_percent(split.put.gex),
            one_percent(split.net().gex),
            money(split.net().dex.0),
            thousands(split.call.open_interest),
            thousands(split.put.open_interest),
            words::marks(report, *strike).join(", "),
        ]);
    }
    push(&mut text, &table);
    text
}

fn setups(report: &Report, listing: Listing) -> String {
    let good = report.good_setups().count();
    let mut text = format!(
        "expected value of target and stop, expiry {}: {} of {} good (EV at least {}, p at least \
         {})\n",
        words::expiry_name(report, report.nearest),
        good,
        counted(report.setups.len(), "pair"),
        report.ev_rules.ev_min,
        report.ev_rules.p_min
    );
    let mut table = table(&[
        "", "target", "stop", "p", "reward", "risk", "r/r", "EV", "EV $", "size",
    ]);
    for setup in report.good_setups().take(listing.most(LISTED)) {
        table.add_row([
            setup.direction.name().to_owned(),
            plain(setup.target),
            plain(setup.stop),
            format!("{:.2}", setup.p),
            level(points(setup.reward)),
            level(points(setup.risk)),
            ratio(Some(setup.reward_risk)),
            level(setup.ev),
            money(setup.ev_dollars(report.multiplier)),
            setup.size().name().to_owned(),
        ]);
    }
    if good > 0 {
        push(&mut text, &table);
    }
    text.push_str(&listing.rest(good, LISTED, |more| format!("{more} more")));
    text
}

fn game(report: &Report) -> String {
    let found = &report.positioning;
    let ratio = match found.ratio() {
        RiskRatio::Of(ratio) => format!("{ratio:.2}"),
        RiskRatio::OnlyCalls => "calls only".to_owned(),
    };
    let mut text = format!(
        "skin in the game, expiry {}: calls ${}, puts ${}, ratio {ratio}: {}\n",
        words::expiry_name(report, report.nearest),
        money(found.call.dollars()),
        money(found.put.dollars()),
        found.verdict().name()
    );
    if let Some(right) = found.pressured() {
        let lean = if right == Right::Put {
            "downward"
        } else {
            "upward"
        };
        let _ = writeln!(
            text,
            "  the nearest {} is under pressure: {lean} lean",
            right.name()
        );
    }
    let mut table = table(&[
        "strike",
        "",
        "at risk $",
        "away",
        "reach",
        "danger $",
        "volume",
    ]);
    for zone in found.top() {
        table.add_row([
            plain(zone.strike),
            zone.right.name().to_owned(),
            money(zone.risk.dollars()),
            level(points(zone.distance)),
            zone.reach.name().to_owned(),
            money(zone.danger.dollars()),
            zone.reinforcement.name().to_owned(),
        ]);
    }
    if !found.zones.is_empty() {
        push(&mut text, &table);
    }
    if found.unmarked > 0 {
        let _ = writeln!(
            text,
            "  left out: {} without a mark",
            counted(found.unmarked, "position")
        );
    }
    text
}

fn flow(report: &Report) -> String {
    let flow = &report.flow;
    let mut text = String::from("calls against puts\n");
    let mut table = table(&["", "calls", "puts", "put/call"]);
    table.add_row([
        "volume".to_owned(),
        thousands(flow.call.volume),
        thousands(flow.put.volume),
        ratio(flow.put_call_volume()),
    ]);
    table.add_row([
        "open interest".to_owned(),
        thousands(flow.call.open_interest),
        thousands(flow.put.open_interest),
        ratio(flow.put_call_open_interest()),
    ]);
    table.add_row([
        "premium $".to_owned(),
        money(flow.call.premium.dollars()),
        money(flow.put.premium.dollars()),
        format!("net {}", money(flow.net_premium().dollars())),
    ]);
    table.add_row([
        "gamma exposure".to_owned(),
        one_percent(report.exposure.total.call.gex),
        one_percent(report.exposure.total.put.gex),
        ratio(report.exposure.put_call_ratio()),
    ]);
    push(&mut text, &table);
    text
}

fn unusual(report: &Report, listing: Listing) -> String {
    let score = words::ratio(report.unusual_score);
    let mut text = format!(
        "unusual activity: {} traded more than twice their open interest; score {score}\n",
        counted(report.unusual.len(), "contract")
    );
    let mut table = table(&["contract", "volume", "open interest", "premium $"]);
    for traded in report.unusual.iter().take(listing.most(LISTED)) {
        table.add_row([
            traded.name.clone(),
            thousands(traded.volume),
            thousands(traded.open_interest),
            traded
                .premium
                .map_or_else(|| "-".to_owned(), |it| money(it.dollars())),
        ]);
    }
    if !report.unusual.is_empty() {
        push(&mut text, &table);
    }
    let count = report.unusual.len();
    text.push_str(&listing.rest(count, LISTED, |more| format!("{more} more")));
    text
}

fn foot(report: &Report) -> String {
    let mut text = format!(
        "{} read, of which {} counted\n",
        counted(report.rows, "row"),
        thousands(report.admitted as u64)
    );
    for line in words::left_out(report) {
        let _ = writeln!(text, "  {line}");
    }
    for line in words::remarks(report) {
        let _ = writeln!(text, "{line}");
    }
    text
}

fn one_percent(gex: Gex) -> String {
    money(gex.per::<OnePercent>().value())
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(header);
    table
}

fn push(text: &mut String, table: &Table) {
    let mut table = table.clone();
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.lines() {
        let _ = writeln!(text, " {}", line.trim_end());
    }
}

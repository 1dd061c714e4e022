//! The measures of flow at the end of a session, as figures.

use undertow_cold::summary::flow::{FlowFigures, Profile, Taker, Vpin, VpinPoint};
use undertow_core::book::Book;
use undertow_core::event::Depth;
use undertow_core::types::{Nanos, Side};
use undertow_strategies::discovery::Regime;
use undertow_strategies::flow::path::VpinPath;
use undertow_strategies::flow::profile::VolumeProfile;
use undertow_strategies::flow::taker::TakerPressure;
use undertow_strategies::flow::toxicity::ToxicityLabel;
use undertow_strategies::flow::vpin::VpinValue;
use undertow_strategies::flow::{Flow, imbalance};

use super::gather::rfc3339;

/// The measures of a book, if it has them.
pub(super) fn figures(flow: &Flow, book: &Book<'_>, book_idx: u32) -> Option<FlowFigures> {
    let reading = flow.reading(book_idx)?;
    let hidden = &reading.hidden_counts;
    let (touch, depth) = (book.touch(), depth(book));
    Some(FlowFigures {
        vpin: reading.vpin.map(vpin),
        vpin_path: flow.vpin_path(book_idx).map(path).unwrap_or_default(),
        vpin_bulk: reading.vpin_bulk.map(vpin),
        obi_l1: imbalance::l1(&touch),
        obi_l5: imbalance::l5(&depth),
        pressure: imbalance::pressure(&depth),
        imbalance_volatility: reading.imbalance_volatility,
        imbalance_velocity: reading.imbalance_velocity,
        ofi: reading.ofi,
        sweeps: reading.sweeps,
        taker_pressures: reading.taker_pressures,
        taker_pressure: reading.taker_pressure.map(taker),
        icebergs: hidden.icebergs,
        refills: hidden.refills,
        slices: hidden.slices,
        hidden_size: hidden.hidden_size,
        hidden: reading.hidden,
        pattern: reading.pattern,
        toxicity: reading.toxicity,
        label: reading.toxicity.map(ToxicityLabel::of).map(label),
        volume_ratio: reading.volume.map(|volume| volume.ratio),
        is_volume_unusual: reading.volume.map(|volume| volume.is_unusual),
        volatility: reading.volatility,
        regime: reading.regime.map(Regime::name),
        quality: reading.quality,
        profile: flow.profile(book_idx).map(profile).unwrap_or_default(),
    })
}

/// Where VPIN stood at the end of each half hour.
fn path(path: &VpinPath) -> Vec<VpinPoint> {
    let point = |(end, at): (Nanos, VpinValue)| VpinPoint {
        time: rfc3339(end),
        value: at.value,
        is_warming: at.is_warming,
    };
    path.points().map(point).collect()
}

fn taker(pressure: TakerPressure) -> Taker {
    let [takes, against] = pressure.takes;
    Taker {
        side: match pressure.side {
            Side::Ask => "sell",
            Side::Bid | Side::None => "buy",
        },
        z: pressure.z,
        takes,
        against,
        size: pressure.size,
    }
}

const fn vpin(vpin: VpinValue) -> Vpin {
    Vpin {
        value: vpin.value,
        is_warming: vpin.is_warming,
    }
}

const fn label(label: ToxicityLabel) -> &'static str {
    match label {
        ToxicityLabel::Toxic => "toxic",
        ToxicityLabel::Neutral => "neutral",
        ToxicityLabel::Benign => "benign",
    }
}

fn profile(profile: &VolumeProfile) -> Profile {
    let [_, regular] = profile.volume();
    let levels = profile.levels();
    Profile {
        point_of_control: profile.point_of_control().map(|price| price.to_string()),
        levels: levels
            .map(|(edge, [outside, inside])| (edge.to_string(), outside, inside))
            .collect(),
        hours: profile.hours().to_vec(),
        regular,
        large_trades: profile.large_trades(),
        large_share: profile.large_share(),
    }
}

/// The depth of a book as it stands.
fn depth(book: &Book<'_>) -> Depth {
    let mut depth = Depth::default();
    for (side, of) in [Side::Bid, Side::Ask].into_iter().enumerate() {
        for (place, level) in (0_u64..10).zip(book.depth(of)) {
            depth.sum10[side] += level.size;
            if place < 5 {
                depth.sum5[side] += level.size;
                depth.weighted5[side] += level.size * (5 - place);
            }
        }
    }
    depth
}

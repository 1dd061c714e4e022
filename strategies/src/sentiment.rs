//! A15: what the news say of a symbol, from the scores that a vendor gives every article.
//!
//! A score is weighted by how much the article is about the symbol. News of an index fund are
//! nobody's opinion of it: of those nothing is told, which is not the same as 0.

/// Articles count for so long after they were published: 24 h.
pub const WINDOW_NS: u64 = 24 * 3_600 * 1_000_000_000;

/// Funds of which the vendor has no news of their own.
pub const WITHOUT_NEWS: [&str; 4] = ["SPY", "QQQ", "IWM", "VXX"];

/// What one article says of one symbol.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mention {
    /// −1, bearish, to 1, bullish.
    pub score: f64,
    /// How much the article is about it, 0–1.
    pub relevance: f64,
}

/// What the articles of a day say together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sentiment {
    /// Σ score · relevance / Σ relevance, −1…1.
    pub score: f64,
    /// Mean of the scores, whatever the articles are about.
    pub mean: f64,
    /// Articles that count.
    pub articles: u32,
    /// Of them, those with each label, in the order of [`Label::ALL`].
    pub labels: [u32; Label::ALL.len()],
}

/// The vendor's word for a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Label {
    /// At most −.35.
    Bearish,
    /// At most −.15.
    SomewhatBearish,
    /// Between.
    Neutral,
    /// At least .15.
    SomewhatBullish,
    /// At least .35.
    Bullish,
}

impl Label {
    /// Every one, the worst first.
    pub const ALL: [Self; 5] = [
        Self::Bearish,
        Self::SomewhatBearish,
        Self::Neutral,
        Self::SomewhatBullish,
        Self::Bullish,
    ];

    /// The label of a score.
    #[must_use]
    pub fn of(score: f64) -> Self {
        match score {
            score if score <= -0.35 => Self::Bearish,
            score if score <= -0.15 => Self::SomewhatBearish,
            score if score < 0.15 => Self::Neutral,
            score if score < 0.35 => Self::SomewhatBullish,
            _ => Self::Bullish,
        }
    }

    /// As the vendor writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bearish => "Bearish",
            Self::SomewhatBearish => "Somewhat-Bearish",
            Self::Neutral => "Neutral",
            Self::SomewhatBullish => "Somewhat-Bullish",
            Self::Bullish => "Bullish",
        }
    }
}

impl Sentiment {
    /// Of the mentions that count. A mention out of its range is left out; absent when nothing is
    /// left, or when none of it is about the symbol.
    #[must_use]
    pub fn of(mentions: impl IntoIterator<Item = Mention>) -> Option<Self> {
        let (mut weighted, mut weight, mut sum) = (0.0, 0.0, 0.0);
        let (mut articles, mut labels) = (0_u32, [0_u32; Label::ALL.len()]);
        for Mention { score, relevance } in mentions {
            if !(-1.0..=1.0).contains(&score) || !(0.0..=1.0).contains(&relevance) {
                continue;
            }
            weighted += score * relevance;
            weight += relevance;
            sum += score;
            articles += 1;
            labels[Label::of(score) as usize] += 1;
        }
        (weight > 0.0).then(|| Self {
            score: (weighted / weight).clamp(-1.0, 1.0),
            mean: sum / f64::from(articles),
            articles,
            labels,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mention(score: f64, relevance: f64) -> Mention {
        Mention { score, relevance }
    }

    #[test]
    fn a15_what_is_about_the_symbol_counts_more() {
        let about_half = [mention(1.0, 0.9), mention(-1.0, 0.3)];
        let told = Sentiment::of(about_half).expect("two mentions");
        assert!((told.score - 0.5).abs() < 1e-12 && told.mean.abs() < 1e-12);
        assert_eq!((told.articles, told.labels), (2, [1, 0, 0, 0, 1]));
    }

    #[test]
    fn a15_what_nobody_says_is_absent_and_not_neutral() {
        assert_eq!(Sentiment::of([]), None);
        assert_eq!(Sentiment::of([mention(0.9, 0.0)]), None);
        for broken in [
            mention(f64::NAN, 0.5),
            mention(1.01, 0.5),
            mention(0.5, -0.1),
            mention(0.5, f64::INFINITY),
        ] {
            assert_eq!(Sentiment::of([broken]), None, "{broken:?}");
            let told = Sentiment::of([broken, mention(-0.2, 0.4)]);
            assert_eq!(told.map(|told| told.articles), Some(1));
        }
    }
}

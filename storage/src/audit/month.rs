//! The month of a moment, in UTC: it names a segment.

/// A month as `YYYYMM`, so that its order is the calendar's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month(pub(super) u32);

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Month {
    /// The month of a Unix time in milliseconds, kept within the years 0 to
    /// 9999. Days to months as in Howard Hinnant's `civil_from_days`:
    /// years begin in March, so that the leap day is a year's last.
    pub(super) fn of(at_ms: i64) -> Self {
        let days = at_ms.div_euclid(DAY_MS).saturating_add(719_468);
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let month = u32::try_from(month).unwrap_or(1);
        Self(u32::try_from(year.clamp(0, 9999)).unwrap_or(0) * 100 + month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_fall_into_their_months() {
        let table = [
            (0, 197_001),
            (-1, 196_912),
            (951_782_400_000, 200_002),
            (951_868_800_000 - 1, 200_002),
            (951_868_800_000, 200_003),
            (1_709_164_800_000, 202_402),
            (1_735_689_599_999, 202_412),
            (1_735_689_600_000, 202_501),
            (i64::MIN, 1),
        ];
        for (at_ms, month) in table {
            if at_ms == i64::MIN {
                assert!(Month::of(at_ms).0 < 100);
            } else {
                assert_eq!(Month::of(at_ms), Month(month), "{at_ms}");
            }
        }
    }
}

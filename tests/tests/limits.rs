//! Limits and budgets of the whole system: what clients are refused, what is booked, and what it costs in calls.

mod limits {
    mod acceptance;
    mod books;
    mod calls;
    mod changes;
    mod rates;
    mod rig;
    mod sharing;
}

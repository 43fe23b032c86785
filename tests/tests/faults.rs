//! Crashes, and what the books say afterwards: never less than was delivered, never more than the limit.

mod faults {
    mod audit;
    mod backends;
    mod budgets;
    mod chaos;
    mod dice;
    mod killed;
    mod random;
    mod site;
    mod traffic;
}

//! What requests are charged, seen on the whole system: the gateway's books against what the simulated provider really
//! delivered.

mod metering {
    mod away;
    mod broken;
    mod costs;
    mod edge;
    mod exact;
    mod refunds;
    mod rig;
    mod strict;
    mod unmetered;
    mod usage;
}

//! Any client dialect over any backend dialect, through the whole system: the simulator refuses what the real provider
//! would refuse, so that an answer means that the translated request was right.

mod dialects {
    mod books;
    mod clients;
    mod embeddings;
    mod errors;
    mod everywhere;
    mod fallback;
    mod matrix;
    mod rig;
    mod shim;
    mod signed;
}

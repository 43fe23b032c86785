//! Every member of a request.

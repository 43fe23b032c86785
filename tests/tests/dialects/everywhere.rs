//! What is true of every backend.

use super::rig::{Site, check_all};
use super::{books, embeddings, errors, matrix};

#[tokio::test]
async fn every_client_is_served_by_every_backend() {
    let site = Site::start(|_, document| books::add_keys(document), &books::ARGS).await;
    check_all!(
        &site,
        matrix::every_client_gets_text,
        matrix::every_client_gets_calls,
        errors::refusals_keep_their_meaning,
        errors::what_cannot_be_said_is_refused_by_its_name,
        errors::harmless_losses_are_told,
        errors::tokens_are_counted,
        embeddings::an_openai_client_embeds,
        embeddings::a_gemini_client_embeds_at_openais_kind,
        embeddings::tokens_are_no_text_for_another_providers_model,
        embeddings::documents_are_ranked_by_cohere,
        books::the_clients_usage_is_what_the_ledger_books,
        books::a_strict_budget_caps_every_backend,
        books::a_strict_budget_ends_streams_that_do_not_heed_their_cap,
        books::a_client_that_hangs_up_pays_for_what_it_got,
    );
}

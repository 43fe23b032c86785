//! Every member of a reply: <https://ai.google.dev/api/generate-content#generatecontentresponse> and
//! <https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference> (seen 2026-11).

use crate::client::Client;
use crate::fields::{Lost, ReplyField, kept, lost};

const OWN_AFFAIR: Lost = &[(None, "it is the backend's own affair")];
const TEXT_ONLY: Lost = &[(Some(Client::Completions), "completions are text only")];
const NOT_ASKED: Lost = &[(None, "no other dialect's request can ask for it")];
const ONE_WORD: Lost = &[(None, "reasons are told by their word only")];
const NO_PLACE: Lost = &[(None, "citations of other dialects have no place for it")];
const NO_PROBABILITIES: Lost = &[(Some(Client::Messages), "Anthropic tells no probabilities")];
const PART_OF_TOKENS: Lost = &[(None, "it is part of the tokens that are told")];

/// A minimal reply.
pub const REPLY: &str = r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":100,"candidatesTokenCount":50},"modelVersion":"n","responseId":"g1"}"##;

/// Members of a reply, with a sample of each.
#[rustfmt::skip]
pub const REPLY_FIELDS: &[ReplyField] = &[
    kept("responseId", r##"{"responseId":"g2"}"##),
    kept("modelVersion", r##"{"modelVersion":"another"}"##),
    lost("createTime", r##"{"createTime":"2026-11-21T00:00:00Z"}"##, OWN_AFFAIR),
    lost("modelStatus", r##"{"modelStatus":{"modelStage":"STABLE"}}"##, OWN_AFFAIR),
    lost("automaticFunctionCallingHistory", r##"{"automaticFunctionCallingHistory":[]}"##, OWN_AFFAIR),
    lost("candidates", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0},{"content":{"role":"model","parts":[{"text":"Ho"}]},"finishReason":"STOP","index":1}]}"##, &[(Some(Client::Responses), "it has one answer"), (Some(Client::Messages), "it has one answer")]),
    kept("candidates.content.parts.text", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Ho"}]},"finishReason":"STOP","index":0}]}"##),
    kept("candidates.content.parts.thought", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hm.","thought":true},{"text":"Hi"}]},"finishReason":"STOP","index":0}]}"##),
    lost("candidates.content.parts.thoughtSignature", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hm.","thought":true,"thoughtSignature":"CiQ="},{"text":"Hi"}]},"finishReason":"STOP","index":0}]}"##, TEXT_ONLY),
    lost("candidates.content.parts.functionCall", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"},{"functionCall":{"id":"c1","name":"weather","args":{"city":"Bonn"}}}]},"finishReason":"STOP","index":0}]}"##, TEXT_ONLY),
    lost("candidates.content.parts.functionCall.id", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"},{"functionCall":{"id":"c9","name":"weather","args":{}}}]},"finishReason":"STOP","index":0}]}"##, TEXT_ONLY),
    lost("candidates.content.parts.functionCall.args", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"},{"functionCall":{"id":"c1","name":"weather","args":{"a":[1,"ü"]}}}]},"finishReason":"STOP","index":0}]}"##, TEXT_ONLY),
    kept("candidates.content.parts.inlineData", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"},{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]},"finishReason":"STOP","index":0}]}"##),
    lost("candidates.content.parts.fileData", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"},{"fileData":{"mimeType":"image/png","fileUri":"gs://b/a"}}]},"finishReason":"STOP","index":0}]}"##, NOT_ASKED),
    kept("candidates.content.parts.executableCode", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"},{"executableCode":{"language":"PYTHON","code":"1"}}]},"finishReason":"STOP","index":0}]}"##),
    kept("candidates.content.parts.codeExecutionResult", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"},{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"1"}}]},"finishReason":"STOP","index":0}]}"##),
    lost("candidates.content.parts.toolCall", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"},{"toolCall":{"id":"t1","toolType":"GOOGLE_SEARCH"}}]},"finishReason":"STOP","index":0}]}"##, NOT_ASKED),
    lost("candidates.content.parts.toolResponse", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"},{"toolResponse":{"id":"t1"}}]},"finishReason":"STOP","index":0}]}"##, NOT_ASKED),
    lost("candidates.content.parts.videoMetadata", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi","videoMetadata":{"fps":1}}]},"finishReason":"STOP","index":0}]}"##, NOT_ASKED),
    lost("candidates.content.parts.partMetadata", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi","partMetadata":{"a":1}}]},"finishReason":"STOP","index":0}]}"##, NOT_ASKED),
    kept("candidates.finishReason.MAX_TOKENS", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"MAX_TOKENS","index":0}]}"##),
    kept("candidates.finishReason.SAFETY", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"SAFETY","index":0}]}"##),
    kept("candidates.finishReason.RECITATION", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"RECITATION","index":0}]}"##),
    kept("candidates.finishReason.MALFORMED_FUNCTION_CALL", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"MALFORMED_FUNCTION_CALL","index":0}]}"##),
    lost("candidates.finishMessage", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0,"finishMessage":"Done."}]}"##, ONE_WORD),
    lost("candidates.safetyRatings", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0,"safetyRatings":[{"category":"HARM_CATEGORY_HARASSMENT","probability":"NEGLIGIBLE"}]}]}"##, OWN_AFFAIR),
    lost("candidates.citationMetadata.citationSources", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0,"citationMetadata":{"citationSources":[{"startIndex":0,"endIndex":2,"uri":"https://example.com"}]}}]}"##, TEXT_ONLY),
    lost("candidates.citationMetadata.citationSources.title", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0,"citationMetadata":{"citationSources":[{"startIndex":0,"endIndex":2,"uri":"https://example.com","title":"T"}]}}]}"##, TEXT_ONLY),
    lost("candidates.citationMetadata.citationSources.license", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0,"citationMetadata":{"citationSources":[{"startIndex":0,"endIndex":2,"uri":"https://example.com","license":"MIT"}]}}]}"##, NO_PLACE),
    lost("candidates.citationMetadata.citationSources.publicationDate", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0,"citationMetadata":{"citationSources":[{"startIndex":0,"endIndex":2,"uri":"https://example.com","publicationDate":{"year":2026}}]}}]}"##, NO_PLACE),
    lost("candidates.groundingMetadata", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0,"groundingMetadata":{"groundingChunks":[{"web":{"uri":"https://example.com","title":"T"}}],"groundingSupports":[{"segment":{"startIndex":0,"endIndex":2,"text":"Hi"},"groundingChunkIndices":[0]}]}}]}"##, NOT_ASKED),
    lost("candidates.groundingAttributions", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0,"groundingAttributions":[]}]}"##, NOT_ASKED),
    lost("candidates.urlContextMetadata", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0,"urlContextMetadata":{"urlMetadata":[]}}]}"##, NOT_ASKED),
    lost("candidates.tokenCount", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0,"tokenCount":2}]}"##, OWN_AFFAIR),
    lost("candidates.avgLogprobs", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0,"avgLogprobs":-0.5}]}"##, OWN_AFFAIR),
    lost("candidates.logprobsResult.chosenCandidates", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0,"logprobsResult":{"chosenCandidates":[{"token":"Hi","tokenId":7,"logProbability":-0.5}]}}]}"##, NO_PROBABILITIES),
    lost("candidates.logprobsResult.topCandidates", r##"{"candidates":[{"content":{"role":"model","parts":[{"text":"Hi"}]},"finishReason":"STOP","index":0,"logprobsResult":{"chosenCandidates":[{"token":"Hi","logProbability":-0.5}],"topCandidates":[{"candidates":[{"token":"Ho","logProbability":-2.5}]}]}}]}"##, NO_PROBABILITIES),
    kept("promptFeedback.blockReason", r##"{"candidates":null,"promptFeedback":{"blockReason":"SAFETY"}}"##),
    lost("promptFeedback.blockReasonMessage", r##"{"candidates":null,"promptFeedback":{"blockReason":"SAFETY","blockReasonMessage":"No."}}"##, ONE_WORD),
    lost("promptFeedback.safetyRatings", r##"{"promptFeedback":{"safetyRatings":[]}}"##, OWN_AFFAIR),
    kept("usageMetadata.promptTokenCount", r##"{"usageMetadata":{"promptTokenCount":101}}"##),
    kept("usageMetadata.candidatesTokenCount", r##"{"usageMetadata":{"candidatesTokenCount":51}}"##),
    kept("usageMetadata.cachedContentTokenCount", r##"{"usageMetadata":{"cachedContentTokenCount":7}}"##),
    kept("usageMetadata.thoughtsTokenCount", r##"{"usageMetadata":{"thoughtsTokenCount":7}}"##),
    kept("usageMetadata.toolUsePromptTokenCount", r##"{"usageMetadata":{"toolUsePromptTokenCount":7}}"##),
    kept("usageMetadata.totalTokenCount", r##"{"usageMetadata":{"totalTokenCount":160}}"##),
    lost("usageMetadata.promptTokensDetails", r##"{"usageMetadata":{"promptTokensDetails":[{"modality":"TEXT","tokenCount":100}]}}"##, PART_OF_TOKENS),
    lost("usageMetadata.cacheTokensDetails", r##"{"usageMetadata":{"cacheTokensDetails":[]}}"##, PART_OF_TOKENS),
    lost("usageMetadata.candidatesTokensDetails", r##"{"usageMetadata":{"candidatesTokensDetails":[]}}"##, PART_OF_TOKENS),
    lost("usageMetadata.toolUsePromptTokensDetails", r##"{"usageMetadata":{"toolUsePromptTokensDetails":[]}}"##, PART_OF_TOKENS),
    lost("usageMetadata.trafficType", r##"{"usageMetadata":{"trafficType":"ON_DEMAND"}}"##, OWN_AFFAIR),
    lost("usageMetadata.serviceTier", r##"{"usageMetadata":{"serviceTier":"PRIORITY"}}"##, &[(None, "Gemini's tiers are not those of others")]),
];

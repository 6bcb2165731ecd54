// Package fakeslack is Slack as its clients see it, over real HTTP and
// websockets: the part of the Web API that bots use, Socket Mode, HTTP mode with
// signed requests, and the things that people do. It is strict where Slack is: tokens, scopes of tokens,
// membership, limits, error words, what must be acknowledged within three
// seconds. It is nasty when told to: it repeats, loses, reorders, falls silent
// and fails after the deed.
//
// The rules, by where they come from: docs.slack.dev, pages socket-mode (one of
// the sockets gets an envelope, three seconds, disconnect reasons), events-api
// (three retries: at once, after one minute, after five), rate-limits (429 with
// Retry-After), block-kit (50 blocks; text of a button 75, its value 2000, text
// of a section 3000), methods chat.postMessage (text up to 40,000), chat.update,
// chat.postEphemeral, conversations.replies, reactions.add and files.completeUploadExternal;
// the sum of the text in blocks from github.com/slackapi/bolt-js/issues/2867.
package fakeslack

// Package fakediscord is Discord as its bots see it, over real HTTP and a real
// websocket: the part of the REST API v10 that bots use, the gateway, and the
// things that people do. It is strict where Discord is: tokens, intents,
// permissions, limits, error codes, the clocks of interactions. It is nasty when
// told to: it repeats, loses, reorders, falls silent and fails after the deed.
//
// The rules, by where they come from: docs.discord.com/developers, pages
// events/gateway (HELLO, heartbeats, IDENTIFY, RESUME and what is replayed, 120
// frames a minute), topics/opcodes-and-status-codes (operations, close codes, error
// codes), interactions/receiving-and-responding (three seconds for the first answer,
// 15 minutes for the others, ephemeral ones, with_response), interactions/application-commands
// (names, 25 options, 8,000 characters), resources/message (2,000 characters, nonce and
// enforce_nonce, allowed_mentions, before and after, suppressed embeds), resources/channel
// and topics/threads (a thread has the id of its first message, archived ones take no
// changes), topics/permissions (how permissions of a channel are summed),
// topics/rate-limits (headers, 429 with retry_after, global) and
// reference (snowflakes; ids that are numbers).
package fakediscord

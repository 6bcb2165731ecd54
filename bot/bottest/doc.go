// Package bottest is what tests of the bot stand on: a strict platform in
// memory, a nasty one that does what real platforms do on their bad days, the
// suite that every Platform passes, and the runner of transcripts.
//
// # Transcripts
//
// A transcript is a txtar file. Its section `conversation` is played; every
// other section is handed to the function that builds the bot, as a file. The
// clock is a fake one (testing/synctest): waiting costs nothing.
//
// Steps, each on a line of its own:
//
//	(at 2026-06-24T12:00:00Z)          the clock at the start; only as the first step
//	alice> /trace wn042 14:05          alice types in the channel
//	alice>> approve {id}               alice types in the thread of the latest message
//	mallory (guest)> /bans             the same from an account of that standing
//	alice attaches pilot.txt> /job     the same with a section of the transcript beside it, as a file
//	alice in #atlas-ops> /pending      the same in another channel, which then is the channel
//	alice: approve {id} by button      decides by button, reaction or typed
//	alice: deny {id} by typed: reason  (a reaction carries no reason)
//	alice: withdraw {id} by reaction
//	alice: click plot                  presses the latest button with that first word
//	alice: react +1                    reacts to the latest message with buttons
//	alice: unreact +1
//	(wait 31m)                         lets time pass
//	(again)                            the platform delivers the latest event once more
//	(again 10)                         the same ten times
//	(away)                             the program is cut off from the platform, on which people go on
//	(half-open)                        every connection stands, and nothing passes over it; new ones work
//	(back)                             that has ended, what people did meanwhile was taken, and
//	                                   ten seconds have passed; what comes of it comes in any order
//	(hold)                             the platform keeps back what people do
//	(deliver)                          it delivers that; then as for (back)
//	(deliver backwards)                the same, the last first
//	(stops)                            the program ends, while its platform and people go on
//	(starts)                           it runs again, over the same journal; then as for (back), but
//	                                   what the platform keeps for nobody is lost
//	(muted)                            the bot may not post in the channel any more
//	(unmuted)                          it may, and 70 seconds have passed
//	(removed)                          the bot is taken out of the channel: it hears, reads and says nothing there
//	(invited)                          it is there again; likewise
//	(group sec: bob carol)             the platform's group has these members from now on
//
// Below a step stand the messages that it must cause, in order; anything that
// is missing, different or too much fails the test. Messages in other channels
// are expected in an order of their own, and so are updates: of a message that
// was updated several times only the last update counts. Each message is a block of lines, and
// blocks are set apart by a blank line. The first line of a block may say what
// kind of message it is:
//
//	< Nobody ran there.                a line of a message that was posted
//	<u BAN Naughty User — denied       a message that was updated
//	<w alice You hold no role.         a message for alice only
//	<in atlas-ops                      the message was said in that channel, not in
//	                                   the one where somebody typed last
//	<may                               alone on its line, before the others: some platforms say it
//	                                   here, and others before or later; which did not say it is
//	                                   told of a transcript that passed
//
// Every line of a message must be accounted for:
//
//	< text          exactly this line
//	<~ regexp       a line that matches; (?P<id>…) keeps what it matched as {id}
//	<* text         a line that contains this
//	<? regexp       a line that matches, or none: where a platform tells more than others
//	<...            any number of lines, also none
//
// A line `<+` below a message says that it does not fit: in a chat people see a
// summary of 15 lines, and a file that holds all of it.
//
// In the end people must have seen on the platform all that the bot said and nothing
// else, and nothing foreign in it may be live.
//
// The marks combine: `<u~ regexp`, `<w* alice text`. Captured names stand for
// their values in steps and in expectations. Lines that begin with # are
// comments. How a message becomes lines is told by [Lines].
package bottest

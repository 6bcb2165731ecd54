// Package person has the commands about who somebody is to the bot: whoami and link.
package person

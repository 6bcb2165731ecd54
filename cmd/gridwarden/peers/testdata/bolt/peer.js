const { App, LogLevel } = require('@slack/bolt')

const app = new App({
  token: process.env.SLACK_BOT_TOKEN,
  appToken: process.env.SLACK_APP_TOKEN,
  socketMode: true,
  logLevel: LogLevel.WARN,
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL }
})

const answer = process.env.PEER_ANSWER

app.message(/^!pending/, async ({ message, say }) => {
  await say({ text: answer, thread_ts: message.ts, unfurl_links: false, unfurl_media: false })
})

app.start()

const { Robot } = require('hubot/es2015')

const robot = new Robot(null, 'matteruser', false, 'peer', false)
const answer = process.env.PEER_ANSWER
robot.hear(/^!pending/, res => res.reply(answer))
robot.run()

// In the manner of chats on the IM SDK: what `sendMessage` hands over goes into the list of the conversation, under its
// ID, at its time, on the side that its flow says; the line is read from what it carries.
const two = (n) => (n < 10 ? `0${n}` : String(n))

function lineOf(message) {
  const envelope = JSON.parse(message.payload.data)
  if (message.type !== 'TIMCustomElem' || envelope.businessID !== 1) return '[custom]'
  const body = JSON.parse(envelope.data)
  const cmd = (body.data && body.data.cmd) || ''
  if (cmd === 'switchToAudio') return 'to voice'
  if (cmd === 'switchToVideo') return 'to video'
  switch (envelope.actionType) {
    case 1:
      if (!(body.call_end >= 0)) return body.call_type === 2 ? 'video call' : 'voice call'
      return envelope.groupID ? 'group call over' : `talked ${two(Math.floor(body.call_end / 60))}:${two(body.call_end % 60)}`
    case 2:
      return 'cancelled'
    case 3:
      return 'answered'
    case 4:
      return body.line_busy ? 'busy' : 'refused'
    case 5:
      return 'no answer'
    default:
      return '?'
  }
}

Page({
  data: {
    config: { sdkAppID: 0, userID: '', userSig: '', type: 1 },
    peer: '',
    records: [],
  },

  onLoad() {
    const { session, peer } = getApp()
    this.setData({ config: { ...this.data.config, ...session }, peer }, () => {
      this.TRTCCalling = this.selectComponent('#calling')
    })
  },

  onSent({ detail }) {
    const { message } = detail
    if (message.conversationID !== `C2C${this.data.peer}`) return
    const at = new Date(message.time * 1000)
    const record = {
      ...message,
      ID: message.ID.replace('@TIM#', ''),
      isSelf: message.flow === 'out',
      at: `${two(at.getHours())}:${two(at.getMinutes())}`,
      line: lineOf(message),
    }
    this.setData({ records: this.data.records.concat(record) })
  },
})

// The tag in a component of the app's own, whose handlers say `this` too.
function over() {
  this.setData({ ends: this.data.ends + 1 })
}

Component({
  properties: { config: Object },
  data: { ends: 0 },
  lifetimes: {
    attached() {
      const inner = this.selectComponent('#inner')
      inner.on(inner.EVENT.CALL_END, over)
    },
  },
})

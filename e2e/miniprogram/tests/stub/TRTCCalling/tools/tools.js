Component({
  properties: { microphone: Boolean, camera: Boolean },
  methods: {
    microphone: function () {
      this.triggerEvent('microphone', {})
    },
    camera: function () {
      this.triggerEvent('camera', {})
    },
  },
})

/** What the user lets this app use. */

import { knownSources, type Sources } from "@tring/core"

/** Asks where it was never asked. False where the user has refused, now or before: WeChat does not ask again. */
function authorize(scope: string): Promise<boolean> {
  return new Promise((resolve) => {
    wx.authorize({ scope, success: () => resolve(true), fail: () => resolve(false) })
  })
}

/** May the microphone, and if wanted the camera, be used? One question after the other. */
export function askPermissions(camera: boolean): Promise<Sources> {
  return authorize("scope.record").then((heard) => (camera ? authorize("scope.camera").then((seen) => allowed(heard, seen)) : allowed(heard, true)))
}

/** The sources of these permissions. */
function allowed(microphone: boolean, camera: boolean): Sources {
  return knownSources([microphone ? "microphone" : "", camera ? "camera" : ""])
}

/** Explains, and opens the settings if the user wants to. Null if not. */
export function offerSettings(title: string, content: string, confirmText: string, cancelText: string): Promise<Sources | null> {
  return new Promise((resolve) => {
    const none = () => resolve(null)
    wx.showModal({
      title,
      content,
      confirmText,
      cancelText,
      success: ({ confirm }) => {
        if (!confirm) return none()
        wx.openSetting({
          success: ({ authSetting }) => {
            const settings = authSetting as { [scope: string]: boolean | undefined }
            resolve(allowed(settings["scope.record"] !== false, settings["scope.camera"] !== false))
          },
          fail: none,
        })
      },
      fail: none,
    })
  })
}

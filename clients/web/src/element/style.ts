/** The look of the call screen. Sizes follow the screen's own box, so a frame of 280 px and a whole window both fit. */

export const STYLE = `
:host { display: none; position: fixed; inset: 0; z-index: 1000;
  --tring-surface: #12161f; --tring-text: #f4f6fb; --tring-dim: rgb(244 246 251 / .68);
  --tring-answer: #2fbf71; --tring-end: #f0494f; --tring-accent: #6ea8fe; --tring-warn: #ffc24b;
  --tring-glass: rgb(255 255 255 / .13); --tring-radius: 0px; --tring-inset-top: 0px;
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
:host([phase]) { display: block; }
:host([inline]) { position: absolute; z-index: 1; }
* { box-sizing: border-box; margin: 0; }
[hidden] { display: none !important; }
.screen:focus { outline: none; }
.screen { --hue: 220; position: absolute; inset: 0; overflow: hidden; isolation: isolate; color: var(--tring-text);
  background: var(--tring-surface); border-radius: var(--tring-radius); container: screen / size; user-select: none;
  -webkit-user-select: none; animation: appear .28s ease-out both; }
.glow { position: absolute; inset: -20%; z-index: -3; pointer-events: none;
  background: radial-gradient(42% 36% at 30% 22%, hsl(var(--hue) 70% 46% / .6), transparent 70%),
    radial-gradient(46% 40% at 78% 74%, hsl(calc(var(--hue) + 70) 62% 40% / .46), transparent 72%),
    radial-gradient(38% 34% at 16% 86%, hsl(calc(var(--hue) - 60) 60% 36% / .36), transparent 70%);
  animation: drift 16s ease-in-out infinite alternate; }
.ended .glow { filter: saturate(.25) brightness(.7); }
.big, .small video { width: 100%; height: 100%; object-fit: cover; display: block; }
.big { position: absolute; inset: 0; z-index: -2; background: #05070b; }
.mirror { transform: scaleX(-1); }
.shade { position: absolute; inset: 0; z-index: -1; pointer-events: none; opacity: 0; transition: opacity .3s;
  background: linear-gradient(rgb(0 0 0 / .55), transparent 26%, transparent 62%, rgb(0 0 0 / .62)); }
.pictured .shade { opacity: 1; }
.layout { position: absolute; inset: 0; display: flex; flex-direction: column; align-items: center;
  padding: calc(max(18px, env(safe-area-inset-top)) + var(--tring-inset-top)) 16px max(20px, env(safe-area-inset-bottom)); }
.who { display: flex; flex-direction: column; align-items: center; gap: 6px; margin: auto 0; text-align: center;
  max-width: 100%; transition: transform .3s; }
.pictured .who { flex-direction: row; gap: 10px; margin: 0 auto 0 0; align-items: center; text-align: start;
  max-width: calc(100% - 118px); }
.avatar { --level: 0; position: relative; width: 112px; height: 112px; border-radius: 50%; flex: none;
  display: grid; place-items: center; font-size: 44px; font-weight: 600; letter-spacing: .02em; margin-bottom: 14px;
  background: linear-gradient(145deg, hsl(var(--hue) 66% 62%), hsl(calc(var(--hue) + 46) 62% 44%));
  box-shadow: 0 10px 34px rgb(0 0 0 / .35), inset 0 1px 0 rgb(255 255 255 / .35); }
.avatar::before, .avatar::after { content: ""; position: absolute; inset: 0; border-radius: 50%;
  border: 2px solid hsl(var(--hue) 80% 76% / .7); opacity: 0; }
.waiting .avatar::before { animation: ring 2.2s ease-out infinite; }
.waiting .avatar::after { animation: ring 2.2s 1.1s ease-out infinite; }
.connected .avatar::before { opacity: calc(.2 + var(--level) * .8); transform: scale(calc(1.04 + var(--level) * .22));
  transition: transform .18s, opacity .18s; }
.pictured .avatar { width: 38px; height: 38px; font-size: 16px; margin: 0; box-shadow: none; }
.pictured .avatar::before, .pictured .avatar::after { display: none; }
.lines { min-width: 0; max-width: 100%; }
.name { font-size: 25px; font-weight: 600; line-height: 1.25; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; max-width: 100%; text-shadow: 0 1px 12px rgb(0 0 0 / .35); }
.status { color: var(--tring-dim); font-size: 15px; min-height: 1.45em; text-shadow: 0 1px 8px rgb(0 0 0 / .4);
  font-variant-numeric: tabular-nums; }
.connected .status.timing { color: var(--tring-text); }
.pictured .name { font-size: 16px; }
.pictured .status { font-size: 13px; }
.pills { display: flex; flex-direction: column; align-items: center; gap: 8px; margin: 12px 0 auto; max-width: 100%;
  pointer-events: none; }
/* Beside the small picture, not under it. */
.pictured .pills { align-self: flex-start; align-items: flex-start; max-width: calc(100% - 118px); }
.pill { display: inline-flex; align-items: center; gap: 7px; padding: 6px 13px 6px 10px; border-radius: 99px; font-size: 13px;
  max-width: 100%; background: rgb(10 13 20 / .66); backdrop-filter: blur(14px); -webkit-backdrop-filter: blur(14px);
  animation: appear .25s ease-out both; color: var(--tring-text); border: 0; font-family: inherit; text-align: start; }
.pill svg { width: 17px; height: 17px; flex: none; }
.pill.warn { color: var(--tring-warn); }
button.pill { pointer-events: auto; cursor: pointer; background: var(--tring-accent); color: #0c1322; font-weight: 600; }
.small { position: absolute; top: calc(max(16px, env(safe-area-inset-top)) + var(--tring-inset-top)); right: 16px; width: 104px; aspect-ratio: 3 / 4;
  border-radius: 16px; overflow: hidden; padding: 0; border: 0; background: #0a0d13; cursor: pointer;
  box-shadow: 0 8px 26px rgb(0 0 0 / .45), 0 0 0 1px rgb(255 255 255 / .16); animation: appear .3s ease-out both; }
.small .tag { position: absolute; left: 7px; bottom: 6px; font: 600 11px/1 inherit; font-size: 11px; color: #fff;
  padding: 4px 7px; border-radius: 8px; background: rgb(0 0 0 / .5); max-width: calc(100% - 14px); overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap; }
.bar { display: flex; justify-content: center; align-items: flex-start; gap: clamp(4px, 2cqw, 14px); flex-wrap: nowrap;
  width: calc(100% + 24px); margin: 14px -12px 0; }
.waiting.incoming .bar { gap: clamp(40px, 24cqw, 120px); }
.key { display: flex; flex-direction: column; align-items: center; gap: 7px; padding: 0; border: 0; background: none;
  color: var(--tring-text); font: inherit; font-size: 12px; cursor: pointer; flex: 0 1 66px; min-width: 0; position: relative;
  line-height: 1.2; text-align: center; text-shadow: 0 1px 6px rgb(0 0 0 / .5); -webkit-tap-highlight-color: transparent; }
.key .disc { width: 54px; height: 54px; margin: 4px 0; border-radius: 50%; flex: none; display: grid; place-items: center; position: relative;
  background: var(--tring-glass); backdrop-filter: blur(16px); -webkit-backdrop-filter: blur(16px);
  transition: transform .14s, background .18s, color .18s; box-shadow: inset 0 0 0 1px rgb(255 255 255 / .08); }
.key svg { width: 25px; height: 25px; }
.key:hover .disc { background: rgb(255 255 255 / .22); }
.key:active .disc { transform: scale(.93); }
.key.off .disc { background: #fff; color: #161b26; }
.key.end .disc, .key.answer .disc { width: 62px; height: 62px; margin: 0; box-shadow: 0 8px 22px rgb(0 0 0 / .3); }
.key.end .disc { background: var(--tring-end); }
.key.end .disc svg { transform: rotate(135deg); }
.key.end:hover .disc { background: color-mix(in srgb, var(--tring-end) 86%, #fff); }
.key.answer .disc { background: var(--tring-answer); }
.key.answer:hover .disc { background: color-mix(in srgb, var(--tring-answer) 86%, #fff); }
.waiting.incoming .key { flex: none; }
.waiting.incoming .key .disc { width: 68px; height: 68px; }
.waiting.incoming .key.answer .disc { animation: beckon 1.5s ease-in-out infinite; }
.key:focus-visible, .small:focus-visible, .pill:focus-visible, select:focus-visible, .sheet .close:focus-visible {
  outline: 3px solid var(--tring-accent); outline-offset: 4px; border-radius: 18px; }
.ended .bar { visibility: hidden; }
.sheet { position: absolute; left: 10px; right: 10px; bottom: 10px; max-width: 420px; margin: auto; padding: 16px 16px 18px;
  border-radius: 22px; background: rgb(24 29 40 / .94); backdrop-filter: blur(22px); -webkit-backdrop-filter: blur(22px);
  box-shadow: 0 18px 60px rgb(0 0 0 / .5), inset 0 0 0 1px rgb(255 255 255 / .08); animation: rise .24s ease-out both;
  display: grid; gap: 12px; }
.sheet header { display: flex; align-items: center; justify-content: space-between; font-weight: 600; }
.sheet .close { display: grid; place-items: center; width: 34px; height: 34px; padding: 0; border: 0; border-radius: 50%;
  background: var(--tring-glass); color: inherit; cursor: pointer; }
.sheet .close svg { width: 18px; height: 18px; }
.sheet label { display: grid; gap: 5px; font-size: 12.5px; color: var(--tring-dim); }
.sheet select { width: 100%; padding: 10px 12px; border-radius: 12px; border: 1px solid rgb(255 255 255 / .16);
  background: #1e2431; color: var(--tring-text); font: inherit; font-size: 14px; text-overflow: ellipsis; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@container screen (max-width: 400px) { .key { font-size: 11px; } }
@container screen (max-width: 330px) {
  .key .disc { width: 46px; height: 46px; margin: 5px 0; } .key.end .disc { width: 56px; height: 56px; }
  .small { width: 84px; } .pictured .who { max-width: calc(100% - 98px); } .name { font-size: 22px; }
}
@container screen (max-height: 480px) {
  .avatar { width: 76px; height: 76px; font-size: 30px; margin-bottom: 6px; } .key .label { display: none; }
}
@container screen (min-width: 700px) and (min-height: 520px) {
  .small { width: 168px; aspect-ratio: 4 / 3; } .bar { gap: 24px; } .avatar { width: 136px; height: 136px; font-size: 54px; }
  .pictured .avatar { width: 44px; height: 44px; font-size: 18px; } .pictured .who { max-width: calc(100% - 200px); }
  .pictured .pills { align-self: center; align-items: center; max-width: calc(100% - 400px); }
}
@keyframes appear { from { opacity: 0; transform: scale(.985); } }
@keyframes rise { from { opacity: 0; transform: translateY(24px); } }
@keyframes ring { 0% { opacity: .9; transform: scale(1); } 100% { opacity: 0; transform: scale(1.75); } }
@keyframes beckon { 0%, 100% { transform: none; } 20% { transform: scale(1.07) rotate(-7deg); } 40% { transform: scale(1.07) rotate(7deg); } 60% { transform: scale(1.03); } }
@keyframes drift { to { transform: translate3d(4%, -3%, 0) rotate(4deg); } }
@media (prefers-reduced-motion: reduce) {
  *, *::before, *::after { animation-duration: .01s !important; animation-iteration-count: 1 !important; transition: none !important; }
  .waiting .avatar::before { opacity: .8; animation: none !important; transform: scale(1.12); }
}
`

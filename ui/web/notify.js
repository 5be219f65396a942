// Notices of the browser: what others did and what is wrong, while the page is open and hidden. Opted in by the reader, kept in localStorage.

import { commandTitle } from './describe.js';

const KEY = 'rolling-router.notify';

/** `Browser` is the browser's Notification, or nothing where there is none. */
export function createNotifier({ Browser = globalThis.Notification, kept = localStorage, isHidden = () => document.hidden } = {}) {
	const whyNot = () => {
		if (!Browser || globalThis.isSecureContext === false) return 'Browsers notify only over https or on localhost.';
		return Browser.permission === 'denied' ? 'This browser was told not to let this page notify; its settings can change that.' : null;
	};
	const isOn = () => !whyNot() && kept.getItem(KEY) === 'on' && Browser.permission === 'granted';

	function tell(title, body, tag) {
		if (!isOn() || !isHidden()) return false;
		new Browser(title, { body, tag });
		return true;
	}

	return {
		whyNot,
		isOn,
		/** Turns it on, which asks the reader's leave, or off. */
		async toggle() {
			if (whyNot()) return;
			if (isOn()) return kept.removeItem(KEY);
			if ((await Browser.requestPermission()) === 'granted') kept.setItem(KEY, 'on');
		},
		/** A change that was made elsewhere. */
		change: ({ app, seq, updated }) =>
			tell(
				`${app}: ${commandTitle(updated?.command)}`,
				`${updated?.actor ?? 'somebody'}${updated?.reason ? `: “${updated.reason}”` : ''}, change ${seq}`,
				`${app} ${seq}`,
			),
		/** Alarms that were not there before. */
		alarms(before, now) {
			const known = new Set((before ?? []).map(({ kind, node }) => `${kind} ${node}`));
			for (const { kind, node, message } of now ?? [])
				if (!known.has(`${kind} ${node}`)) tell('rolling-router: alarm', message, `${kind} ${node}`);
		},
	};
}

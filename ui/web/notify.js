// Notifications of the browser: changes that others made, and alarms, while the page is open but hidden. The reader turns them on;
// the choice is kept in localStorage.

import { commandTitle } from './describe.js';
import { alarmKey } from './fleet-words.js';

const KEY = 'rolling-router.notify';

/** `Browser` is the browser's Notification, or nothing where there is none. */
export function createNotifier({ Browser = globalThis.Notification, storage = localStorage, isHidden = () => document.hidden } = {}) {
	const unavailableReason = () => {
		if (!Browser || globalThis.isSecureContext === false) {
			return 'Browsers show notifications only for pages that are loaded over https or from localhost.';
		}
		return Browser.permission === 'denied' ? 'This browser blocks notifications of this page. You can allow them in its settings.' : null;
	};
	const isOn = () => !unavailableReason() && storage.getItem(KEY) === 'on' && Browser.permission === 'granted';

	function show(title, body, tag) {
		if (isOn() && isHidden()) new Browser(title, { body, tag });
	}

	return {
		unavailableReason,
		isOn,
		/** Turns notifications off, or on, for which the browser asks the reader's permission. */
		async toggle() {
			if (unavailableReason()) return;
			if (isOn()) return storage.removeItem(KEY);
			if ((await Browser.requestPermission()) === 'granted') storage.setItem(KEY, 'on');
		},
		/** Shows a change that was made elsewhere. */
		showChange({ app, seq, updated }) {
			const reason = updated?.reason ? `: “${updated.reason}”` : '';
			show(`${app}: ${commandTitle(updated?.command)}`, `${updated?.actor ?? 'somebody'}${reason}, change ${seq}`, `${app} ${seq}`);
		},
		/** Shows the alarms of `now` that are not in `before`. */
		showAlarms(before, now) {
			const known = new Set((before ?? []).map(alarmKey));
			for (const alarm of now ?? []) {
				if (!known.has(alarmKey(alarm))) show('rolling-router: alarm', alarm.message, alarmKey(alarm));
			}
		},
	};
}

// What may be done to an app itself: make it the default, take it off line, remove it. Each is confirmed first.

import { h, setAttr, setText } from '../dom.js';
import { releaseName } from '../release.js';
import { button } from './controls.js';
import { openFormDialog } from './dialog.js';

/** `update(state, disabledReason)`. `removed()` runs when the app is gone. */
export function appControls(name, { api, model, notices, removed }) {
	let state = null;
	let reason = null;
	const why = h('p.why', { id: 'app-controls-why' });
	const control = (testid, label, tone, open) =>
		button(label, {
			tone,
			testid,
			'aria-describedby': 'app-controls-why',
			run: () => {
				if (state && !controlReason(testid)) open();
			},
		});
	const makeDefault = control('app-default', 'Make it the default…', 'small', openDefault);
	const clearStable = control('app-clear', 'Take it off line…', 'small', openClear);
	const remove = control('app-remove', 'Remove it…', 'small', openRemove);
	const controls = [makeDefault, clearStable, remove];

	function controlReason(testid) {
		if (reason) return reason;
		if (testid === 'app-default' && state.default) return 'it is the default already';
		if (testid === 'app-clear' && !state.stable) return 'no release is on stable';
		if (testid === 'app-clear' && state.candidate) return 'abort or promote the candidate first';
		return null;
	}

	function open(stem, title, text, submit, send, done) {
		openFormDialog({
			stem,
			title,
			content: h('p', {}, text),
			submit,
			send: async () => {
				const answer = await send();
				if (answer?.seq) model.takeState(answer);
				notices.post({ text: done, tone: 'done' });
			},
			done: () => (stem === 'app-remove' ? removed() : undefined),
		});
	}

	function openDefault() {
		const text = `Every host that no app claims leads to ${name} from now on, on all routers.`;
		open('app-default', `Make ${name} the default app?`, text, 'Make it the default', () => api.makeDefault(name), `${name} is the default app.`);
	}

	function openClear() {
		const text = `${releaseName(state.stable)} drains: clients pinned to it stay for a while, and new clients get 503.`;
		const send = () => api.clearStable(name, { force: true }, state.seq);
		open('app-clear', `Take ${name} off line?`, text, 'Take it off line', send, `${name} has no stable release.`);
	}

	function openRemove() {
		const text = `${name} goes with its record, history, settings and previews, and its clients get nothing any more. Endpoints stay registered.`;
		open('app-remove', `Remove the app ${name}?`, text, `Remove ${name}`, () => api.removeApp(name), `The app ${name} is removed.`);
	}

	return {
		element: h(
			'section.panel',
			{ 'aria-labelledby': 'app-controls-title' },
			h('h2.panel-title', { id: 'app-controls-title' }, 'The app itself'),
			h('div.action-buttons', {}, controls),
			why,
		),
		update(next, nextReason) {
			state = next;
			reason = nextReason;
			if (!state) return;
			const reasons = controls.map((each) => controlReason(each.dataset.testid));
			controls.forEach((each, index) => setAttr(each, 'aria-disabled', reasons[index] ? 'true' : null));
			const lines = controls.map((each, index) => (reasons[index] ? `${each.textContent.replace('…', '')}: ${reasons[index]}.` : null));
			setText(why, reason ? `Change the app: ${reason}.` : lines.filter(Boolean).join(' '));
		},
	};
}

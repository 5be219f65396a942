// One hook: its address, its apps and events, how the last delivery went, and what can be done with it.

import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { plural } from '../format.js';
import { button } from './controls.js';
import { when } from './when.js';

const STATES = {
	new: '◌ nothing sent yet',
	delivered: '✓ delivered',
	failed: '✕ failed, will be tried again',
	dropped: '✕ given up',
	paused: '‖ paused',
	unreadable: '✕ cannot be read',
};

/** `test(hook, show)` shows how a test goes. `disabledReason()` says why nothing can be changed, or null. */
export function hookRow({ edit, test, pause, remove, disabledReason }) {
	const name = h('b');
	const url = h('span.mono.quiet');
	const scope = h('span.quiet');
	const state = h('span');
	const testResult = h('p', { role: 'status' });
	const deliveries = h('ol.rows');
	const count = h('summary');
	const more = h('details', {}, count, deliveries);
	let hook = null;
	const buildButton = (label, run) =>
		button(label, {
			tone: 'small',
			'aria-describedby': 'hooks-why',
			run: () => {
				if (!disabledReason()) run();
			},
		});
	const buttons = {
		test: buildButton('Test', () => test(hook, (words) => setText(testResult, words))),
		edit: buildButton('Edit…', () => edit(hook)),
		pause: buildButton('Pause', () => pause(hook)),
		remove: buildButton('Remove…', () => remove(hook)),
	};
	const element = h(
		'li.hook',
		{},
		h('div.row.hook-row', {}, h('span', {}, name, ' ', url), scope, state),
		h('div.action-buttons', {}, Object.values(buttons)),
		testResult,
		more,
	);
	return {
		element,
		update(now) {
			hook = now;
			setAttr(element, 'data-testid', `hook-${hook.name}`);
			setText(name, hook.name);
			setText(url, hook.url ?? '');
			setText(scope, hook.fault ?? describeScope(hook));
			setText(
				state,
				[(STATES[hook.state] ?? hook.state) + describeFailure(hook), describeWaiting(hook.waiting)].filter(Boolean).join(' · '),
			);
			setAttr(state, 'class', ['failed', 'dropped', 'unreadable'].includes(hook.state) ? 'is-bad' : null);
			for (const [verb, control] of Object.entries(buttons)) {
				setAttr(control, 'data-testid', `hook-${verb}-${hook.name}`);
				setAttr(control, 'aria-label', `${control.textContent.replace('…', '')} ${hook.name}`);
				setAttr(control, 'aria-disabled', disabledReason() ? 'true' : null);
			}
			setText(buttons.pause, hook.paused ? 'Resume' : 'Pause');
			setAttr(buttons.pause, 'aria-label', `${hook.paused ? 'Resume' : 'Pause'} ${hook.name}`);
			setShown(buttons.pause, !hook.fault);
			setShown(more, hook.deliveries.length > 0);
			setText(count, `Last deliveries (${hook.deliveries.length})`);
			keyed(deliveries, hook.deliveries, ({ id, attempt, at }) => `${id} ${attempt} ${at}`, deliveryRow);
		},
	};
}

/** Why the last delivery failed, while that is the state of the hook. */
function describeFailure({ state, deliveries }) {
	const failed = ['failed', 'dropped'].includes(state) && deliveries.find(({ outcome, error }) => outcome !== 'delivered' && error);
	return failed ? `: ${failed.error}` : '';
}

function describeScope({ apps, events, header }) {
	const names = `${describeNames(apps, 'all apps')}; ${describeNames(events, 'all events')}`;
	return header ? `${names}; with ${header}` : names;
}

const describeNames = (names, all) => (names ? names.join(', ') : all);

function describeWaiting(apps) {
	const count = Object.values(apps ?? {}).reduce((sum, each) => sum + each, 0);
	return count ? `${plural(count, 'change')} waiting` : '';
}

function deliveryRow() {
	const at = when();
	const what = h('span');
	const outcome = h('span');
	const element = h('li.row.delivery-row', {}, at.element, what, outcome);
	return {
		element,
		update({ type, app, seq, at: time, attempt, outcome: ended, status, ms, error }) {
			at.update(time);
			setText(what, `${type}${app ? `, ${app}` : ''}${seq ? `, change ${seq}` : ''}${attempt > 1 ? `, attempt ${attempt}` : ''}`);
			setText(outcome, `${ended === 'delivered' ? '✓' : '✕'} ${ended}, ${status ?? 'no answer'} in ${ms} ms${error ? `: ${error}` : ''}`);
			setAttr(outcome, 'class', ended === 'delivered' ? null : 'is-bad');
		},
	};
}

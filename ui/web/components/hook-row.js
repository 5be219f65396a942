// One hook: where it leads, what it is told of, how the last delivery went, and what can be done with it.

import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { plural } from '../format.js';
import { button } from './controls.js';
import { when } from './when.js';

const STATES = {
	new: '◌ told nothing yet',
	delivered: '✓ delivered',
	failed: '✕ failed, tried again',
	dropped: '✕ given up',
	paused: '‖ paused',
	unreadable: '✕ cannot be read',
};

/** A row; `test(hook, say)` says how it goes, `whyNot()` why nothing can be changed. */
export function hookRow({ edit, test, pause, remove, whyNot }) {
	const name = h('b');
	const url = h('span.mono.quiet');
	const wants = h('span.quiet');
	const state = h('span');
	const said = h('p', { role: 'status' });
	const deliveries = h('ol.rows');
	const count = h('summary');
	const more = h('details', {}, count, deliveries);
	let hook = null;
	const act = (label, run) =>
		button(label, {
			tone: 'small',
			'aria-describedby': 'hooks-why',
			run: () => {
				if (!whyNot()) run();
			},
		});
	const buttons = {
		test: act('Test', () => test(hook, (words) => setText(said, words))),
		edit: act('Edit…', () => edit(hook)),
		pause: act('Pause', () => pause(hook)),
		remove: act('Remove…', () => remove(hook)),
	};
	const element = h(
		'li.hook',
		{},
		h('div.row.hook-row', {}, h('span', {}, name, ' ', url), wants, state),
		h('div.action-buttons', {}, Object.values(buttons)),
		said,
		more,
	);
	return {
		element,
		update(now) {
			hook = now;
			setAttr(element, 'data-testid', `hook-${hook.name}`);
			setText(name, hook.name);
			setText(url, hook.url ?? '');
			setText(wants, hook.fault ?? `${list(hook.apps, 'all apps')}; ${list(hook.events, 'all events')}`);
			setText(state, [(STATES[hook.state] ?? hook.state) + fault(hook), waiting(hook.waiting)].filter(Boolean).join(' · '));
			setAttr(state, 'class', ['failed', 'dropped', 'unreadable'].includes(hook.state) ? 'is-bad' : null);
			for (const [verb, control] of Object.entries(buttons)) {
				setAttr(control, 'data-testid', `hook-${verb}-${hook.name}`);
				setAttr(control, 'aria-label', `${control.textContent.replace('…', '')} ${hook.name}`);
				setAttr(control, 'aria-disabled', whyNot() ? 'true' : null);
			}
			setText(buttons.pause, hook.paused ? 'Resume' : 'Pause');
			setAttr(buttons.pause, 'aria-label', `${hook.paused ? 'Resume' : 'Pause'} ${hook.name}`);
			setShown(buttons.pause, !hook.fault);
			setShown(more, hook.deliveries.length > 0);
			setText(count, `Last deliveries (${hook.deliveries.length})`);
			keyed(deliveries, hook.deliveries, ({ id, attempt, at }) => `${id} ${attempt} ${at}`, delivery);
		},
	};
}

/** Why the last delivery that failed did, while that is the state. */
function fault({ state, deliveries }) {
	const failed = ['failed', 'dropped'].includes(state) && deliveries.find(({ outcome, error }) => outcome !== 'delivered' && error);
	return failed ? `: ${failed.error}` : '';
}

const list = (names, all) => (names ? names.join(', ') : all);

function waiting(apps) {
	const count = Object.values(apps ?? {}).reduce((sum, each) => sum + each, 0);
	return count ? `${plural(count, 'change')} to be told` : '';
}

function delivery() {
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

// One hook in: who sends, what is done with it, what came last, and what can be done about it.

import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { button } from './controls.js';
import { when } from './when.js';

const RESULTS = {
	begun: '◌ under way',
	done: '✓ done',
	unchanged: '✓ nothing to do',
	ignored: '– ignored',
	refused: '✕ refused',
};

/** `disabledReason()` says why nothing can be changed, or null. */
export function hookInRow({ edit, test, remove, disabledReason }) {
	const name = h('b');
	const path = h('span.mono.quiet');
	const scope = h('span.quiet');
	const state = h('span');
	const deliveries = h('ol.rows');
	const count = h('summary');
	const more = h('details', {}, count, deliveries);
	let hook = null;
	const buildButton = (label, run) =>
		button(label, {
			tone: 'small',
			'aria-describedby': 'hooks-why',
			run: () => {
				if (!disabledReason()) run(hook);
			},
		});
	const buttons = { test: buildButton('Test…', test), edit: buildButton('Edit…', edit), remove: buildButton('Remove…', remove) };
	const element = h(
		'li.hook',
		{},
		h('div.row.hook-row', {}, h('span', {}, name, ' ', path), scope, state),
		h('div.action-buttons', {}, Object.values(buttons)),
		more,
	);
	return {
		element,
		update(now) {
			hook = now;
			setAttr(element, 'data-testid', `hook-in-${hook.name}`);
			setText(name, hook.name);
			setText(path, hook.path ?? '');
			setText(scope, hook.fault ?? describeScope(hook));
			const last = hook.deliveries?.[0];
			setText(state, hook.fault ? '✕ cannot be read' : hook.paused ? '‖ paused' : last ? describeResult(last) : '◌ nothing came yet');
			setAttr(state, 'class', hook.fault || (!hook.paused && last?.result === 'refused') ? 'is-bad' : null);
			for (const [verb, control] of Object.entries(buttons)) {
				setAttr(control, 'data-testid', `hook-in-${verb}-${hook.name}`);
				setAttr(control, 'aria-label', `${control.textContent.replace('…', '')} ${hook.name}`);
				setAttr(control, 'aria-disabled', disabledReason() ? 'true' : null);
			}
			setShown(buttons.test, !hook.fault);
			setShown(buttons.edit, !hook.fault);
			setShown(more, Boolean(hook.deliveries?.length));
			setText(count, `Last deliveries (${hook.deliveries?.length ?? 0})`);
			keyed(deliveries, hook.deliveries ?? [], ({ id }) => id, deliveryRow);
		},
	};
}

const describeResult = ({ result, message }) => (RESULTS[result] ?? result) + (message ? `: ${message}` : '');

function describeScope({ sender, app, image, release, networks, events, branches, tags, matches }) {
	const named = (what, texts) => (texts?.length ? `${what} ${texts.join(', ')}` : '');
	const filters = [named('event', events), named('branch', branches), named('tag', tags), named('match', matches), named('from', networks)];
	const action = image ? `deploys ${image} as the candidate of ${app}: ${release}` : `candidate of ${app}: ${release}`;
	return [`${sender}; ${action}`, ...filters].filter(Boolean).join('; ');
}

function deliveryRow() {
	const at = when();
	const what = h('span');
	const outcome = h('span');
	const element = h('li.row.delivery-row', {}, at.element, what, outcome);
	return {
		element,
		update(delivery) {
			at.update(delivery.at);
			setText(what, `${delivery.event || 'no event'}, from ${delivery.client}`);
			setText(outcome, describeResult(delivery));
			setAttr(outcome, 'class', delivery.result === 'refused' ? 'is-bad' : null);
		},
	};
}

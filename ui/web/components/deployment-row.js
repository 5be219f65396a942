// One deployment: what runs, how far it is, its containers and steps, and what can be done with it.

import { h, keyed, setAttr, setShown, setText, showLines } from '../dom.js';
import { canBeRecycled, containerLine, recycleLines, stateWords, stepLine } from '../deployment-words.js';
import { button } from './controls.js';

/** `acts` has `recycle`, `logs`, `stop` and `start`, each with the deployment, and `disabledReason()`. */
export function deploymentRow(acts) {
	const id = h('b.mono');
	const image = h('span.mono.quiet');
	const state = h('span', { role: 'status' });
	const failure = h('p.error');
	const words = h('pre.mono');
	const recycle = h('ul.advice');
	const containers = h('ul.rows');
	const steps = h('ol.rows');
	const more = h('details', {}, h('summary', {}, 'Containers and steps'), containers, steps);
	let deployment = null;
	const act = (label, run) =>
		button(label, {
			tone: 'small',
			'aria-describedby': 'deployments-why',
			run: () => {
				if (!acts.disabledReason()) run(deployment);
			},
		});
	const buttons = {
		recycle: act('Recycle…', acts.recycle),
		logs: act('Logs…', acts.logs),
		stop: act('Stop', acts.stop),
		start: act('Start', acts.start),
	};
	const element = h(
		'li.hook',
		{},
		h('div.row.hook-row', {}, h('span', {}, id, ' ', image), state),
		failure,
		words,
		recycle,
		h('div.action-buttons', {}, Object.values(buttons)),
		more,
	);

	function buildContainer() {
		const line = h('li.row.mono');
		return { element: line, update: (container) => setText(line, containerLine(container)) };
	}

	function buildStep() {
		const line = h('li.row');
		return { element: line, update: (step) => setText(line, stepLine(step)) };
	}

	return {
		element,
		update(now) {
			deployment = now;
			setAttr(element, 'data-testid', `deployment-${now.id}`);
			setText(id, now.id);
			setText(image, now.image);
			setText(state, stateWords(now));
			const fault = now.failure ?? now.recycle?.failure;
			setText(failure, fault?.reason);
			setShown(failure, Boolean(fault));
			setText(words, fault?.last_words);
			setShown(words, Boolean(fault?.last_words));
			showLines(recycle, recycleLines(now));
			setShown(recycle, recycle.childElementCount > 0);
			const isRun = Boolean(now.engine);
			setShown(buttons.recycle, isRun);
			setShown(buttons.logs, isRun);
			setShown(buttons.stop, now.desired === 'serving');
			setShown(buttons.start, now.desired === 'stopped' || now.state === 'failed');
			setAttr(buttons.recycle, 'aria-disabled', acts.disabledReason() || !canBeRecycled(now) ? 'true' : null);
			for (const [name, control] of Object.entries(buttons)) {
				setAttr(control, 'data-testid', `${name}-${now.id}`);
				setAttr(control, 'aria-label', `${control.textContent.replace('…', '')} ${now.id}`);
			}
			keyed(
				containers,
				now.containers,
				({ name }) => name,
				buildContainer,
			);
			keyed(
				steps,
				now.steps.slice(-20).reverse(),
				({ number }) => number,
				buildStep,
			);
		},
	};
}

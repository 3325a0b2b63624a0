// The whole dashboard: its title, its variables and time range, and every panel where Grafana's grid puts it.
import React, { useEffect, useState } from 'react';
import { dateTime } from '@grafana/data';
import { PanelChrome } from '@grafana/ui';
import { prepare } from './frames.js';
import { Panel } from './panel.jsx';

const CELL = 30; // Grafana's grid: a unit is 30 px high with 8 px between panels, and a 24th of the width.
const GAP = 8;
const HEADER = 64;
const MARGIN = 16;

function place({ x, y, w, h }, width) {
  const column = (width - 2 * MARGIN + GAP) / 24;
  return {
    left: MARGIN + x * column,
    top: HEADER + y * (CELL + GAP),
    width: w * column - GAP,
    height: h * (CELL + GAP) - GAP,
  };
}

function Header({ answers, theme }) {
  const style = { position: 'absolute', top: 12, left: MARGIN, right: MARGIN, display: 'flex', gap: 12, alignItems: 'baseline' };
  const pill = { background: theme.colors.background.secondary, border: `1px solid ${theme.colors.border.weak}`, padding: '4px 10px', borderRadius: 2 };
  return (
    <div style={style}>
      <span style={{ fontSize: 20, fontWeight: 500, marginRight: 8 }}>{answers.dashboard.title}</span>
      {answers.shown.map(({ label, text }) => (
        <span key={label} style={pill}>
          <span style={{ color: theme.colors.text.secondary }}>{label}</span> {text}
        </span>
      ))}
      <span style={{ flex: 1 }} />
      <span style={pill}>{answers.rangeText}</span>
    </div>
  );
}

export function Board({ answers, theme, onDrawn, onError }) {
  const [panels, setPanels] = useState();
  const timeRange = range(answers);
  useEffect(() => {
    Promise.all(answers.dashboard.panels.map((panel) => prepare(panel, answers.frames[panel.id], theme)))
      .then(setPanels)
      .catch(onError);
  }, []);
  useEffect(() => {
    if (panels) {
      setTimeout(onDrawn, 1500); // Canvases and tables measure themselves after their first layout.
    }
  }, [panels]);
  const width = document.documentElement.clientWidth;
  return (
    <div style={{ background: theme.colors.background.canvas, position: 'absolute', inset: 0 }}>
      <Header answers={answers} theme={theme} />
      {panels?.map(({ panel, frames }) => {
        const box = place(panel.gridPos, width);
        return (
          <div key={panel.id} style={{ position: 'absolute', ...box }}>
            <PanelChrome title={panel.title} width={box.width} height={box.height}>
              {(innerWidth, innerHeight) => (
                <Panel panel={panel} frames={frames} theme={theme} timeRange={timeRange} width={innerWidth} height={innerHeight} />
              )}
            </PanelChrome>
          </div>
        );
      })}
    </div>
  );
}

function range({ from, to }) {
  const [start, end] = [dateTime(from), dateTime(to)];
  return { from: start, to: end, raw: { from: start, to: end } };
}
